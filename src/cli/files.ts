/** The files that the commands are told of. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { text } from 'node:stream/consumers';
import type { DataSource } from 'typeorm';
import { CommandUtils } from 'typeorm/commands/CommandUtils.js';
import { readKeyRing } from '../secrets/key-ring.js';
import { KeyRingSecretCipher } from '../secrets/key-ring-cipher.js';
import { PlainTextSecretCipher } from '../secrets/plain-text-cipher.js';
import { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { TotpConfigurationError } from '../totp.errors.js';
import { BadUsage } from './bad-usage.js';

/** The data source of a file, found as TypeORM's command line finds it, and connected. */
export async function openDataSource(file: string): Promise<DataSource> {
  const dataSource = await CommandUtils.loadDataSource(resolve(file)).catch((error: unknown) => {
    throw new BadUsage(`${messageOf(error)}${adviceFor(file)}`);
  });
  if (dataSource.isInitialized) throw new BadUsage(`${file} must not initialize its data source.`);
  // A command changes nothing but what it says, and prints nothing else: as TypeORM's own do.
  dataSource.setOptions({
    synchronize: false,
    migrationsRun: false,
    dropSchema: false,
    subscribers: [],
    logging: [], // `false` would leave the logger that is there
  });
  return dataSource.initialize();
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

/** What is in a file, or is piped in for `-`. */
export async function readInput(file: string): Promise<Uint8Array> {
  try {
    return file === '-' ? Buffer.from(await text(process.stdin)) : await readFile(file);
  } catch (error) {
    throw new BadUsage(messageOf(error));
  }
}

async function readJson(file: string): Promise<unknown> {
  const bytes = await readInput(file);
  try {
    return JSON.parse(Buffer.from(bytes).toString());
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
    throw new BadUsage(`${file} cannot be loaded: ${messageOf(error)}${adviceFor(file)}`);
  }
}

function defaultOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && 'default' in exports ? exports.default : undefined;
}

function adviceFor(file: string): string {
  if (!/\.[cm]?ts$/.test(file)) return '';
  return '\nNode.js does not run this TypeScript: name the built file, or write NODE_OPTIONS="--import tsx" before the command.';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
