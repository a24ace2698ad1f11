/**
 * Google Authenticator's export, `otpauth-migration://offline?data=…`: one QR code for each ten accounts or so.
 *
 * Google documents none of it. The messages are those of https://github.com/qistoph/otp_export, which other apps read as well.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { TotpArgumentError } from 'nestjs-totp';
import { checkClaim, type ForeignDevice, type ForeignDevices, type Refusal, sorted } from './foreign-device.js';
import { ownerOf } from './key-uris.js';
import { filledLines } from './text.js';

/** Longer than any QR code holds (ISO/IEC 18004: 4,296 characters). */
const MAX_TEXT_LENGTH = 4_296;
const MAX_QR_CODES = 1_000;
const MAX_PROBLEMS = 10;

/** `OtpParameters`. */
interface Account {
  secret: Uint8Array;
  name: string;
  issuer: string;
  algorithm: number;
  digits: number;
  type: number;
}

/** `MigrationPayload`. */
interface Payload {
  readonly accounts: Account[];
  batchSize: number;
  /** From 0. */
  batchIndex: number;
  batchId: number;
}

interface QrCode extends Payload {
  /** From 1, in the order given. */
  readonly number: number;
  readonly data: string;
}

const ALGORITHM_NAMES = ['SHA1', 'SHA1', 'SHA256', 'SHA512'];
const DIGIT_COUNTS = ['6', '6', '8'];
const TYPE = { hotp: 1, totp: 2 };

/**
 * Reads the QR codes of one export, in any order. All of them must be there: the app does not say which account is in which.
 *
 * The export holds neither periods, which are always 30 s in this app, nor user ids: a device's `account` tells whose it is.
 *
 * @param texts the contents of the QR codes: one string for each, or strings with one per line
 * @throws TotpArgumentError when a QR code is missing, damaged, not of such an export or of another one; nothing is read then
 */
export function readGoogleAuthenticatorExport(texts: readonly string[]): ForeignDevices {
  const lines = texts.flatMap((text) => Array.from(filledLines(text), (line) => line.text));
  if (lines.length === 0) fail(['it contains no text of a QR code']);
  if (lines.length > MAX_QR_CODES) fail([`it has more than ${String(MAX_QR_CODES)} QR codes`]);
  const read = lines.map((line, index) => readQrCode(line, index + 1));
  const problems = read.filter((one) => typeof one === 'string');
  if (problems.length > 0) fail(problems);
  return sorted(readQrCodes(wholeExport(read.filter((one) => typeof one !== 'string'))));
}

/** The QR codes, if all of them belong to one export; a repeated one stays, to be reported. */
function wholeExport(qrCodes: readonly QrCode[]): readonly QrCode[] {
  const [first] = qrCodes;
  if (first === undefined) return [];
  const strangers = qrCodes.filter(
    ({ batchId, batchSize }) => batchId !== first.batchId || batchSize !== first.batchSize,
  );
  if (strangers.length > 0) {
    fail(
      strangers.map(
        ({ number }) => `QR code ${String(number)} is of another export than QR code 1: import each by itself`,
      ),
    );
  }
  const missing = Array.from({ length: first.batchSize }, (_, index) => index).filter(
    (index) => !qrCodes.some(({ batchIndex }) => batchIndex === index),
  );
  if (missing.length > 0) {
    const size = String(first.batchSize);
    fail(missing.map((index) => `number ${String(index + 1)} of its ${size} QR codes is missing`));
  }
  const different = qrCodes.filter(({ data, batchIndex, number }) =>
    qrCodes.some((other) => other.number < number && other.batchIndex === batchIndex && other.data !== data),
  );
  if (different.length > 0) {
    fail(different.map(({ number }) => `QR code ${String(number)} contradicts an earlier one of the same number`));
  }
  return qrCodes;
}

function* readQrCodes(qrCodes: readonly QrCode[]): Generator<ForeignDevice | Refusal> {
  for (const { number, data, accounts } of qrCodes) {
    const earlier = qrCodes.find((other) => other.data === data);
    if (earlier !== undefined && earlier.number < number) {
      yield {
        source: `QR code ${String(number)}`,
        reason: `the same as QR code ${String(earlier.number)}, so it was left out`,
      };
      continue;
    }
    for (const [index, account] of accounts.entries()) {
      yield readAccount(account, `QR code ${String(number)}, account ${String(index + 1)}`);
    }
  }
}

function readAccount(account: Account, source: string): ForeignDevice | Refusal {
  if (account.type === TYPE.hotp) {
    return { source, reason: 'counts codes instead of time (HOTP): its owner has to enrol again' };
  }
  if (account.type !== TYPE.totp) return { source, reason: 'not a time-based device: its type is not TOTP' };
  return checkClaim({
    source,
    // The name is the label. People may have changed it, so a prefix that is not the issuer is a part of the account.
    ...(ownerOf(account.name, account.issuer) ?? { account: account.name, issuer: account.issuer }),
    secret: { secret: account.secret },
    algorithm: ALGORITHM_NAMES[account.algorithm] ?? 'unknown',
    digits: DIGIT_COUNTS[account.digits] ?? 'unknown',
  });
}

/** @returns what is wrong when it cannot be read */
function readQrCode(text: string, number: number): QrCode | string {
  const qrCode = `QR code ${String(number)}`;
  if (/^otpauth:/i.test(text)) return `${qrCode} is the key URI of one device: import it as that format`;
  const query = /^otpauth-migration:\/\/offline\/?\?([^#]*)$/i.exec(text)?.[1];
  if (query === undefined || text.length > MAX_TEXT_LENGTH) {
    return `${qrCode} is not of such an export: its text has the form otpauth-migration://offline?data=…`;
  }
  // A "+" of Base64 that was not percent-encoded is a space in a query.
  const data = (new URLSearchParams(query).get('data') ?? '').replaceAll(' ', '+').replace(/=+$/, '');
  const payload = /^[A-Za-z0-9+/]+$/.test(data) ? readPayload(Buffer.from(data, 'base64')) : undefined;
  if (payload === undefined) return `${qrCode} is damaged or cut off: scan it again`;
  return { ...payload, number, data };
}

function readPayload(bytes: Uint8Array): Payload | undefined {
  const payload: Payload = { accounts: [], batchSize: 1, batchIndex: 0, batchId: 0 };
  try {
    readFields(bytes, (reader, field) => {
      if (is(field, 1, WireType.LengthDelimited)) payload.accounts.push(readParameters(reader.bytes()));
      else if (is(field, 3, WireType.Varint)) payload.batchSize = reader.int32();
      else if (is(field, 4, WireType.Varint)) payload.batchIndex = reader.int32();
      else if (is(field, 5, WireType.Varint)) payload.batchId = reader.int32();
      else return false;
      return true;
    });
  } catch {
    // The library's messages are for programmers.
    return undefined;
  }
  const { batchSize, batchIndex } = payload;
  const isPossible = batchSize >= 1 && batchSize <= MAX_QR_CODES && batchIndex >= 0 && batchIndex < batchSize;
  return isPossible ? payload : undefined;
}

function readParameters(bytes: Uint8Array): Account {
  const account: Account = { secret: new Uint8Array(), name: '', issuer: '', algorithm: 0, digits: 0, type: 0 };
  readFields(bytes, (reader, field) => {
    if (is(field, 1, WireType.LengthDelimited)) account.secret = Uint8Array.from(reader.bytes());
    else if (is(field, 2, WireType.LengthDelimited)) account.name = reader.string(true);
    else if (is(field, 3, WireType.LengthDelimited)) account.issuer = reader.string(true);
    else if (is(field, 4, WireType.Varint)) account.algorithm = reader.int32();
    else if (is(field, 5, WireType.Varint)) account.digits = reader.int32();
    else if (is(field, 6, WireType.Varint)) account.type = reader.int32();
    else return false;
    return true;
  });
  return account;
}

interface Field {
  readonly number: number;
  readonly wireType: WireType;
}

function is(field: Field, number: number, wireType: WireType): boolean {
  return field.number === number && field.wireType === wireType;
}

/** Reads a message. Fields that `read` does not take are of a newer version of the app and skipped. */
function readFields(bytes: Uint8Array, read: (reader: BinaryReader, field: Field) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!read(reader, { number, wireType })) reader.skip(wireType, number);
  }
}

function fail(problems: readonly string[]): never {
  const more = problems.length > MAX_PROBLEMS ? [`and ${String(problems.length - MAX_PROBLEMS)} more`] : [];
  const text = [...problems.slice(0, MAX_PROBLEMS), ...more].join('; ');
  throw new TotpArgumentError(`The Google Authenticator export was not read: ${text}.`);
}
