/** Realistic files of other products, and what was enrolled there in truth. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import qrcode from 'qrcode';
import {
  type ForeignDevice,
  type ForeignDevices,
  readDeviceCsv,
  readGoogleAuthenticatorExport,
  readKeyUris,
  readSuperTokensDevices,
} from 'nestjs-totp-cli';
import { collected } from '../support/pages.js';

/** Whose a device is, and the settings under which it was enrolled: algorithm, digits, period. */
export type Original = readonly [
  owner: string,
  secretOf: string,
  algorithm: 'SHA1' | 'SHA256' | 'SHA512',
  digits: 6 | 8,
  period: number,
];

const path = (name: string) => join(import.meta.dirname, 'fixtures', name);
const file = (name: string) => readFileSync(path(name), 'utf8');
const stream = (name: string) => createReadStream(path(name));
const secretText = (name: string) => Buffer.from(`for tests only: ${name}`.padEnd(20, '.'));

const superTokensUser = (end: string) => `0c0ffee0-0000-4000-8000-0000000000${end}`;
const superTokens: Original[] = [
  [superTokensUser('a1'), 'ann', 'SHA1', 6, 30],
  [superTokensUser('a1'), 'ann2', 'SHA1', 6, 30],
  [superTokensUser('b2'), 'bob', 'SHA1', 6, 60],
  [superTokensUser('c3'), 'cem', 'SHA1', 6, 30],
  ['dana@example.com', 'dana', 'SHA1', 6, 30], // by createUserIdMapping
];
const google: Original[] = ['ann', 'bob', 'cem', 'dana', 'frank', 'gül', 'hana', 'ivo', 'jan', 'kim', 'lea'].map(
  (name) => {
    const owner = name === 'lea' ? 'lea' : `${name}@example.com`;
    return name === 'cem' ? [owner, name, 'SHA256', 8, 30] : [owner, name, 'SHA1', 6, 30];
  },
);

export const files: {
  name: string;
  read: () => ForeignDevices | Promise<ForeignDevices>;
  originals: Original[];
  refused: string[];
}[] = [
  {
    name: 'key-uris.txt',
    read: () => readKeyUris(file('key-uris.txt')),
    originals: [
      ['ann@example.com', 'ann', 'SHA1', 6, 30],
      ['bob', 'bob', 'SHA256', 8, 60],
      ['cem@example.com', 'cem', 'SHA1', 6, 30],
      ['dana ørn', 'dana', 'SHA512', 6, 30],
    ],
    refused: ['line 14', 'line 15'],
  },
  {
    name: 'google-authenticator.txt',
    read: () => readGoogleAuthenticatorExport([file('google-authenticator.txt')]),
    originals: google,
    refused: ['QR code 1, account 5'],
  },
  {
    name: 'the QR codes of google-authenticator.txt, scanned',
    read: () => readGoogleAuthenticatorExport(file('google-authenticator.txt').trim().split('\n').map(scanned)),
    originals: google,
    refused: ['QR code 1, account 5'],
  },
  {
    name: 'supertokens-postgresql.csv',
    read: () => collected(readSuperTokensDevices(stream('supertokens-postgresql.csv'))),
    originals: superTokens,
    refused: ['line 4'],
  },
  {
    name: 'supertokens-postgresql.jsonl',
    read: () => collected(readSuperTokensDevices(stream('supertokens-postgresql.jsonl'))),
    originals: superTokens,
    refused: ['line 3'],
  },
  {
    name: 'supertokens-mysql.jsonl',
    read: () => collected(readSuperTokensDevices(stream('supertokens-mysql.jsonl'))),
    originals: superTokens,
    refused: ['line 6'],
  },
  {
    name: 'devices.csv',
    read: () => collected(readDeviceCsv(stream('devices.csv'))),
    originals: [
      ['ann', 'ann', 'SHA1', 6, 30],
      ['bob', 'bob', 'SHA1', 6, 30],
      ['cem', 'cem', 'SHA256', 8, 60],
      ['dana@example.com', 'dana', 'SHA512', 6, 30],
    ],
    refused: ['line 6', 'line 7'],
  },
];

/** Draws a text as a QR code in PNG and reads it with another library. */
function scanned(text: string): string {
  const { modules } = qrcode.create(text, { errorCorrectionLevel: 'L' });
  const [quiet, scale] = [4, 3];
  const size = (modules.size + 2 * quiet) * scale;
  const png = new PNG({ width: size, height: size });
  for (let pixel = 0; pixel < size * size; pixel++) {
    const row = Math.floor(pixel / size / scale) - quiet;
    const column = Math.floor((pixel % size) / scale) - quiet;
    const isInside = Math.min(row, column) >= 0 && Math.max(row, column) < modules.size;
    const shade = isInside && modules.get(row, column) ? 0 : 255;
    png.data.set([shade, shade, shade, 255], pixel * 4);
  }
  const image = PNG.sync.read(PNG.sync.write(png));
  return jsqr.default(new Uint8ClampedArray(image.data), image.width, image.height)?.data ?? '';
}

export function ownerOf({ userId, account }: ForeignDevice): string {
  return userId ?? account ?? '';
}

/** What oathtool says that the authenticator of a device shows. */
export function originalCode([, secretOf, algorithm, digits, period]: Original, now: number): string {
  const settings = [`--totp=${algorithm}`, `--digits=${digits}`, `--time-step-size=${period}s`, `--now=@${now / 1000}`];
  const secret = secretText(secretOf).toString('hex');
  return execFileSync('oathtool', [...settings, secret], { encoding: 'utf8' }).trim();
}

const isThere = spawnSync('oathtool', ['--version']).status === 0;
if (!isThere) process.stderr.write('oathtool is missing, so nothing is compared with it: apt-get install oathtool.\n');

/** For tests that need oathtool: skipped without it, unless everything is required. */
export const describeWithOathtool = isThere || process.env.TOTP_TEST_REQUIRE_ALL === '1' ? describe : describe.skip;
