/** Key URIs, `otpauth://totp/…`, one in a line: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
import {
  base32Secret,
  checkClaim,
  type ForeignDevice,
  type ForeignDevices,
  type Refusal,
  sorted,
} from './foreign-device.js';
import { filledLines } from './text.js';

/** Longer than any QR code holds (ISO/IEC 18004: 4,296 characters). */
const MAX_URI_LENGTH = 4_296;

/** What decides about the codes. */
const SETTINGS = ['secret', 'issuer', 'algorithm', 'digits', 'period'];
/** What authenticator apps add for the eye, and a counter, which a time-based device does not have. */
const IGNORED = ['counter', 'image', 'icon', 'color', 'thumbnail', 'tags', 'lock'];

/**
 * Reads a list of key URIs. Blank lines and lines that begin with `#` are skipped.
 *
 * A key URI knows its user by the account of its label alone, so the devices have no `userId`. What is not a time-based device
 * with settings that this module knows is refused: a parameter of unknown meaning may change the codes.
 *
 * @example
 * readKeyUris('otpauth://totp/Acme:ann@example.com?secret=…&issuer=Acme').devices[0].account; // 'ann@example.com'
 */
export function readKeyUris(text: string): ForeignDevices {
  return sorted(readLines(text));
}

function* readLines(text: string): Generator<ForeignDevice | Refusal> {
  for (const line of filledLines(text)) {
    if (!line.text.startsWith('#')) yield readKeyUri(line.text, `line ${String(line.number)}`);
  }
}

function readKeyUri(uri: string, source: string): ForeignDevice | Refusal {
  const refuse = (reason: string): Refusal => ({ source, reason });
  if (uri.length > MAX_URI_LENGTH) return refuse('too long for a key URI');
  if (/^otpauth-migration:/i.test(uri)) {
    return refuse('a picture of a Google Authenticator export: read it as that format');
  }
  // The parts of RFC 3986 appendix B. A URL parser would resolve "/../" in the label, which leads to another's account.
  const parts = /^otpauth:\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/i.exec(uri);
  if (parts === null) return refuse('not a key URI: it has the form otpauth://totp/Issuer:account?secret=…');
  const [, type = '', encodedLabel = '', query = ''] = parts;
  if (/^hotp$/i.test(type)) return refuse('counts codes instead of time (HOTP): its owner has to enrol again');
  const parameters = new URLSearchParams(query);
  if (/^steam$/i.test(type) || parameters.has('encoder')) return refuse('its codes have letters (Steam)');
  if (!/^totp$/i.test(type)) return refuse('not a time-based device: its type is not totp');
  for (const name of new Set(parameters.keys())) {
    if (parameters.getAll(name).length > 1) return refuse('a parameter is repeated');
    if (!SETTINGS.includes(name) && !IGNORED.includes(name)) {
      return refuse(
        `a parameter other than ${SETTINGS.join(', ')}, which may change the codes: take it out if it does not`,
      );
    }
  }
  const secretText = parameters.get('secret');
  if (secretText === null) return refuse('no secret: the parameter is missing');
  const label = decoded(encodedLabel);
  if (label === undefined) return refuse('the label is not percent-encoded UTF-8');
  const owner = ownerOf(label, parameters.get('issuer') ?? '');
  if (owner === undefined) {
    return refuse(
      'the label begins with another issuer than the parameter issuer: make them the same, or leave one out',
    );
  }
  return checkClaim({
    source,
    ...owner,
    secret: base32Secret(secretText, 'secret'),
    algorithm: parameters.get('algorithm') ?? undefined,
    digits: parameters.get('digits') ?? undefined,
    period: parameters.get('period') ?? undefined,
  });
}

export interface LabelOwner {
  readonly account: string | undefined;
  readonly issuer: string | undefined;
}

/**
 * Whom a label names: `Issuer:account`, or the account alone.
 *
 * With an issuer parameter, only that exact prefix is removed, so that a user who is called `Other:ann` does not become `ann`.
 *
 * @returns undefined when the label has a prefix that is not the issuer
 */
export function ownerOf(label: string, issuer: string): LabelOwner | undefined {
  const colon = label.indexOf(':');
  const prefix = colon === -1 ? undefined : label.slice(0, colon);
  const account = label.slice(colon + 1).trimStart();
  if (issuer !== '' && prefix !== undefined && prefix !== issuer) return undefined;
  const either = issuer === '' ? prefix : issuer;
  return { account: account === '' ? undefined : account, issuer: either === '' ? undefined : either };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
