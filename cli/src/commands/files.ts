/** Loads the files that the options name: data source, keys, and the files to read. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DataSource } from 'typeorm';
import { CommandUtils } from 'typeorm/commands/CommandUtils.js';
import {
  KeyRingSecretCipher,
  PlainTextSecretCipher,
  readKeyRing,
  TotpConfigurationError,
  TotpSecretCipher,
  TotpStorageError,
} from 'nestjs-totp';
import type { ForeignDevices } from '../readers/foreign-device.js';
import { type TextInput, wholeTextOf } from '../readers/text.js';
import { BadUsage } from './bad-usage.js';

const LOADER_CODES: readonly unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNKNOWN_FILE_EXTENSION'];

/** The data source in a file, found as TypeORM's command line finds it, and connected. */
export async function openDataSource(file: string): Promise<DataSource> {
  const { options, isInitialized } = await CommandUtils.loadDataSource(resolve(file)).catch((error: unknown) => {
    throw new BadUsage(`${messageOf(error)}${adviceFor(file)}`);
  });
  if (isInitialized) throw new BadUsage(`${file} must not initialize its data source.`);
  // A new one with the same options, since two options may name the same file. Like TypeORM's own commands, it does not
  // touch the schema and logs no statements.
  const dataSource = new DataSource({
    ...options,
    synchronize: false,
    migrationsRun: false,
    dropSchema: false,
    subscribers: [],
    logging: [], // `false` would keep the existing logger
  });
  try {
    return await dataSource.initialize();
  } catch (cause) {
    throw new TotpStorageError(`The database of ${file} cannot be opened: ${messageOf(cause)}`, { cause });
  }
}

/** The cipher in a file: keys as JSON, or a module that exports the option `secrets` or a cipher, or a promise of either. */
export async function loadCipher(file: string): Promise<TotpSecretCipher> {
  const exported: unknown = await (/\.json$|^-$|^\/dev\//.test(file) ? readJson(file) : importDefault(file));
  if (exported instanceof TotpSecretCipher) return exported;
  if (exported === 'plain-text') return new PlainTextSecretCipher();
  try {
    return new KeyRingSecretCipher(readKeyRing(exported));
  } catch (error) {
    if (error instanceof TotpConfigurationError) throw new BadUsage(`${file}: ${error.message}`);
    throw error;
  }
}

/** A file as a string; `-` is standard input. */
export async function readText(file: string): Promise<string> {
  try {
    return await wholeTextOf(file === '-' ? process.stdin : createReadStream(file));
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * What a reader makes of a file, read twice: first to the end, so that nothing is imported of a file that turns out to be broken. Standard
 * input comes only once, and is kept in memory as a whole.
 *
 * @returns its pages, and how many devices and refusals there are
 */
export async function readChecked(
  file: string,
  read: (input: TextInput) => AsyncGenerator<ForeignDevices>,
): Promise<{ readonly pages: AsyncGenerator<ForeignDevices>; readonly total: number }> {
  const text = file === '-' ? await readText(file) : undefined;
  const open = () => read(text ?? createReadStream(file));
  let total = 0;
  try {
    for await (const { devices, refused } of open()) total += devices.length + refused.length;
  } catch (error) {
    throw unreadable(file, error);
  }
  return { pages: open(), total };
}

function unreadable(file: string, error: unknown): BadUsage {
  return new BadUsage(`${file} cannot be read: ${messageOf(error)}`);
}

async function readJson(file: string): Promise<unknown> {
  const json = await readText(file);
  try {
    return JSON.parse(json);
  } catch {
    // The parser's own message repeats the input, and with it the keys.
    throw new BadUsage(`${file} is not JSON: write { "current": "2026-11", "keys": { "2026-11": "…" } }`);
  }
}

async function importDefault(file: string): Promise<unknown> {
  try {
    const exports: unknown = await import(pathToFileURL(resolve(file)).href);
    const exported = defaultOf(exports);
    // TypeScript compiles a default export for CommonJS to a property `default` of what is exported.
    const isCommonJs = typeof exported === 'object' && exported !== null && '__esModule' in exported;
    return await (isCommonJs ? defaultOf(exported) : exported);
  } catch (error) {
    // The message of any other error may repeat a line of the file, and with it a key.
    const problem = isOfLoader(error) ? messageOf(error) : `it throws an error. Run "node ${file}" to see it.`;
    throw new BadUsage(`${file} cannot be loaded: ${problem}${adviceFor(file)}`);
  }
}

function defaultOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && 'default' in exports ? exports.default : undefined;
}

/** Whether Node.js found no such file, or one that it cannot run. */
function isOfLoader(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOADER_CODES.includes(error.code);
}

function adviceFor(file: string): string {
  if (!/\.[cm]?ts$/.test(file)) return '';
  return '\nNode.js cannot run this TypeScript file. Name the compiled file, or write NODE_OPTIONS="--import tsx" before the command.';
}

function messageOf(error: unknown): string {
  // Thrown for a host with several addresses, without a message of its own.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw new BadUsage(`${file} cannot be written: ${messageOf(error)}`);
  }
}
