/** The files that the commands are told of. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buffer } from 'node:stream/consumers';
import { DataSource } from 'typeorm';
import { CommandUtils } from 'typeorm/commands/CommandUtils.js';
import { textOf } from '../import/index.js';
import { readKeyRing } from '../secrets/key-ring.js';
import { KeyRingSecretCipher } from '../secrets/key-ring-cipher.js';
import { PlainTextSecretCipher } from '../secrets/plain-text-cipher.js';
import { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { TotpConfigurationError, TotpStorageError } from '../shared/errors.js';
import { BadUsage } from './bad-usage.js';

const LOADER_CODES: readonly unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNKNOWN_FILE_EXTENSION'];

/** The data source of a file, found as TypeORM's command line finds it, and connected. */
export async function openDataSource(file: string): Promise<DataSource> {
  const { options, isInitialized } = await CommandUtils.loadDataSource(resolve(file)).catch((error: unknown) => {
    throw new BadUsage(`${messageOf(error)}${adviceFor(file)}`);
  });
  if (isInitialized) throw new BadUsage(`${file} must not initialize its data source.`);
  // Another one with the same options, since two options may name one file. A command changes nothing but what it says, and
  // prints nothing else: as TypeORM's own do.
  const dataSource = new DataSource({
    ...options,
    synchronize: false,
    migrationsRun: false,
    dropSchema: false,
    subscribers: [],
    logging: [], // `false` would leave the logger that is there
  });
  try {
    return await dataSource.initialize();
  } catch (cause) {
    throw new TotpStorageError(`The database of ${file} cannot be opened: ${messageOf(cause)}`, { cause });
  }
}

/** The cipher of a file: keys in JSON, or a module that exports the option `secrets` or a cipher, or a promise of either. */
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

/** The text of a file, or what is piped in for `-`. */
export async function readText(file: string): Promise<string> {
  try {
    return textOf(file === '-' ? await buffer(process.stdin) : await readFile(file));
  } catch (error) {
    throw new BadUsage(`${file} cannot be read: ${messageOf(error)}`);
  }
}

async function readJson(file: string): Promise<unknown> {
  const json = await readText(file);
  try {
    return JSON.parse(json);
  } catch {
    // The parser's own words repeat the text, and with it the keys.
    throw new BadUsage(`${file} is not JSON: write { "current": "2026-11", "keys": { "2026-11": "…" } }`);
  }
}

async function importDefault(file: string): Promise<unknown> {
  try {
    const exports: unknown = await import(pathToFileURL(resolve(file)).href);
    const exported = defaultOf(exports);
    // What TypeScript makes of a default export for CommonJS is within the default export of that.
    const isCommonJs = typeof exported === 'object' && exported !== null && '__esModule' in exported;
    return await (isCommonJs ? defaultOf(exported) : exported);
  } catch (error) {
    // The words of any other error may repeat a line of the file, and with it a key.
    const problem = isOfLoader(error) ? messageOf(error) : `it throws an error: "node ${file}" shows it.`;
    throw new BadUsage(`${file} cannot be loaded: ${problem}${adviceFor(file)}`);
  }
}

function defaultOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && 'default' in exports ? exports.default : undefined;
}

/** Whether Node.js found no such file, or one that it does not run. */
function isOfLoader(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOADER_CODES.includes(error.code);
}

function adviceFor(file: string): string {
  if (!/\.[cm]?ts$/.test(file)) return '';
  return '\nNode.js does not run this TypeScript: name the built file, or write NODE_OPTIONS="--import tsx" before the command.';
}

function messageOf(error: unknown): string {
  // Of a host with several addresses, which has no words of its own.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
