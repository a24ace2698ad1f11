/** A device from another product's file or table, and the checks that all formats share. */
import {
  type Algorithm,
  ALGORITHMS,
  deviceNameProblem,
  DIGITS,
  fromBase32,
  isSecret,
  MAX_SECRET_BYTES,
  MIN_SECRET_BYTES,
  MIN_SIGNIFICANT_BYTES,
  PERIOD_RANGE,
  SKEW_RANGE,
  toBase32,
  userIdProblem,
} from 'nestjs-totp';

/** A device that was read and may be imported: each value is in its range. */
export interface ForeignDevice {
  /** Where it is in the input, for people: `line 7`, or `QR code 2, account 3`. */
  readonly source: string;
  /** Whose it is, where the format says so: SuperTokens' and CSV do, key URIs and Google Authenticator do not. */
  readonly userId: string | undefined;
  /** The user as the authenticator app shows it, such as an e-mail address: of key URIs and Google Authenticator. */
  readonly account: string | undefined;
  /** The application as the authenticator app shows it: of key URIs and Google Authenticator. */
  readonly issuer: string | undefined;
  readonly deviceName: string | undefined;
  /** 16 to 64 bytes. */
  readonly secret: Uint8Array;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  /** Seconds, 15–300. */
  readonly period: number;
  /** Steps, 0–2; undefined where the format does not say, for the application's own setting. */
  readonly skew: number | undefined;
  /** What was not read as it was written, and does not change the codes; missing when there is nothing to say. */
  readonly notes?: readonly string[];
}

/** A device that was not read. Neither text holds a secret, or any part of the input that may be one. */
export interface Refusal {
  /** As of `ForeignDevice`. */
  readonly source: string;
  /** What is wrong, and what to do where that is not plain. */
  readonly reason: string;
  /** Whose device it is; missing where the input does not say. */
  readonly userId?: string;
}

/** What a reader found, both in the order of the input. */
export interface ForeignDevices {
  readonly devices: readonly ForeignDevice[];
  readonly refused: readonly Refusal[];
}

/** A secret, or what is wrong with the text that should be one. */
export type SecretReading = { readonly secret: Uint8Array; readonly note?: string } | { readonly problem: string };

/** What the input says of a device. A setting that is missing or empty has its usual value: SHA1, 6 digits, 30 s. */
export interface Claim {
  readonly source: string;
  readonly userId?: string | undefined;
  readonly account?: string | undefined;
  readonly issuer?: string | undefined;
  readonly deviceName?: string | undefined;
  readonly secret: SecretReading;
  readonly algorithm?: string | undefined;
  readonly digits?: string | undefined;
  readonly period?: string | undefined;
  readonly skew?: string | undefined;
  readonly notes?: readonly string[];
}

/** Room for the longest secret with spaces, so that no huge string is decoded. */
const MAX_SECRET_TEXT_LENGTH = 512;
/** The longest account or issuer, in UTF-16 units. */
const MAX_LABEL_LENGTH = 1_000;

/** @param field what the input calls the secret */
export function base32Secret(text: string, field: string): SecretReading {
  const secret = text.length > MAX_SECRET_TEXT_LENGTH ? undefined : fromBase32(text);
  if (secret === undefined) {
    return {
      problem: `${field} is not Base32 of 16 to 64 bytes (RFC 4648: letters from A to Z and digits from 2 to 7)`,
    };
  }
  const isWhole = toBase32(secret) === text.replace(/[\s=-]/g, '').toUpperCase();
  return isWhole
    ? { secret }
    : { secret, note: `${field} has bits left over at its end, which authenticator apps ignore too` };
}

/** @param field what the input calls the secret */
export function hexSecret(text: string, field: string): SecretReading {
  return /^(?:[0-9A-Fa-f]{2}){1,256}$/.test(text)
    ? { secret: new Uint8Array(Buffer.from(text, 'hex')) }
    : { problem: `${field} is not hex of 16 to 64 bytes (two characters from 0 to 9 and A to F for each byte)` };
}

/** Everything about a device that does not depend on the format it came in. */
export function checkClaim(claim: Claim): ForeignDevice | Refusal {
  const { source, userId, account, issuer, deviceName } = claim;
  const userProblem = userId === undefined ? undefined : userIdProblem(userId, 'user_id');
  const owner = userId === undefined || userProblem !== undefined ? {} : { userId };
  const refuse = (reason: string): Refusal => ({ source, reason, ...owner });

  const textProblem =
    userProblem ??
    (deviceName === undefined ? undefined : deviceNameProblem(deviceName, 'device_name')) ??
    labelProblem(account, 'account') ??
    labelProblem(issuer, 'issuer');
  if (textProblem !== undefined) return refuse(textProblem);

  if ('problem' in claim.secret) return refuse(claim.secret.problem);
  const { secret } = claim.secret;
  if (!isSecret(secret)) {
    const range = `${String(MIN_SECRET_BYTES)} to ${String(MAX_SECRET_BYTES)}`;
    const isInRange = secret.length >= MIN_SECRET_BYTES && secret.length <= MAX_SECRET_BYTES;
    // Zeros at the end of a key add nothing to it (RFC 2104 §2).
    const count = isInRange
      ? `fewer than ${String(MIN_SIGNIFICANT_BYTES)} bytes before the zeros at its end`
      : `${String(secret.length)} bytes`;
    return refuse(`the secret has ${count}, not ${range} (RFC 4226 R6): its owner has to enrol again`);
  }
  const algorithm = claim.algorithm ? algorithmOf(claim.algorithm) : 'SHA1';
  if (algorithm === undefined) return refuse(`algorithm is not one of ${ALGORITHMS.join(', ')}`);
  const digits = claim.digits ? digitsOf(claim.digits) : 6;
  if (digits === undefined) return refuse('digits is neither 6 nor 8');
  const period = claim.period ? numberOf(claim.period, PERIOD_RANGE) : 30;
  if (period === undefined) return refuse(`period is not a whole number of seconds ${rangeText(PERIOD_RANGE)}`);
  const [, maxSkew] = SKEW_RANGE;
  const isWide = claim.skew !== undefined && numberOf(claim.skew, [maxSkew + 1, 999]) !== undefined;
  const skew = isWide ? maxSkew : claim.skew ? numberOf(claim.skew, SKEW_RANGE) : undefined;
  if (claim.skew && skew === undefined) {
    return refuse(`skew is not a whole number of steps ${rangeText(SKEW_RANGE)}; most peers use 1`);
  }
  const notes = [
    ...(claim.secret.note === undefined ? [] : [claim.secret.note]),
    ...(isWide ? [`the skew is ${String(maxSkew)} steps, the largest, instead of ${claim.skew ?? ''}`] : []),
    ...(claim.notes ?? []),
  ];
  const device = { source, userId, account, issuer, deviceName, secret, algorithm, digits, period, skew };
  return notes.length === 0 ? device : { ...device, notes };
}

/** Parts the devices from what was refused. */
export function sorted(read: Iterable<ForeignDevice | Refusal>): ForeignDevices {
  const devices: ForeignDevice[] = [];
  const refused: Refusal[] = [];
  for (const one of read) {
    if ('reason' in one) refused.push(one);
    else devices.push(one);
  }
  return { devices, refused };
}

/** How many devices and refusals are in memory at a time. */
const PAGE_SIZE = 1_000;

/** The same for an input that is read as it comes: in pages. */
export async function* sortedPages(read: AsyncIterable<ForeignDevice | Refusal>): AsyncGenerator<ForeignDevices> {
  let page: (ForeignDevice | Refusal)[] = [];
  for await (const one of read) {
    if (page.push(one) < PAGE_SIZE) continue;
    yield sorted(page);
    page = [];
  }
  yield sorted(page);
}

/** A label is shown to people in reports, and its account may be looked up: it is one line of text. */
function labelProblem(text: string | undefined, field: string): string | undefined {
  if (text === undefined) return undefined;
  if (text.length > MAX_LABEL_LENGTH) {
    return `the label's ${field} is longer than ${String(MAX_LABEL_LENGTH)} characters`;
  }
  return /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text) ? `the label's ${field} holds control characters` : undefined;
}

/** `SHA1`, and the other ways in which exporters write it: `sha-1`, `SHA_1`, `HmacSHA1`, `Algorithm.sha1`. */
function algorithmOf(text: string): Algorithm | undefined {
  const name = /^(?:Algorithm\.)?(?:HMAC[-_]?)?SHA[-_]?(1|256|512)$/i.exec(text)?.[1];
  return ALGORITHMS.find((algorithm) => algorithm === `SHA${String(name)}`);
}

function digitsOf(text: string): 6 | 8 | undefined {
  return DIGITS.find((digits) => String(digits) === whole(text));
}

function numberOf(text: string, [least, most]: readonly [number, number]): number | undefined {
  const number = /^[0-9]{1,9}$/.test(whole(text)) ? Number(whole(text)) : NaN;
  return number >= least && number <= most ? number : undefined;
}

/** Some exporters write whole numbers with decimals: `6.0`. */
function whole(number: string): string {
  return number.replace(/\.0+$/, '');
}

function rangeText([least, most]: readonly [number, number]): string {
  return `from ${String(least)} to ${String(most)}`;
}
