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

/** What decides about the codes, under all names that exporters give it; the second ones are KeeOtp's. */
const SETTINGS = {
  secret: ['secret', 'key'],
  issuer: ['issuer'],
  algorithm: ['algorithm', 'otphashmode'], // cspell:disable-line
  digits: ['digits', 'size'],
  period: ['period', 'step'],
} as const;
type Setting = keyof typeof SETTINGS;

// cspell:disable
/**
 * Parameters that authenticator apps add to their exports, in small letters without `_` and `-`: for the eye, for order, and a counter, which
 * a time-based device does not have. They do not change the codes.
 */
const HARMLESS: ReadonlySet<string> = new Set(
  (
    'counter image icon iconcollectionid iconcolor iconid iconsrc icontype iconvalue color colour backgroundcolor foregroundcolor thumbnail ' +
    'tags tag group groups groupid folder category lock locked pinned favorite favourite archived trashed hidden order position index sort ' +
    'note notes comment description codedisplay display title label name account accountname user username email service servicename ' +
    'servicetypeid vendor app application website domain url link uri id uuid guid created createdat creationdate updated updatedat modified ' +
    'lastused lastusedat lastusedtime timestamp tapcount usedfrequency usage version source'
  ).split(' '),
);
/** What says of which kind a device is, and must say that it is time-based. */
const KINDS: ReadonlySet<string> = new Set(['type', 'tokentype', 'kind', 'otptype']);
// cspell:enable

/**
 * Reads a list of key URIs. Blank lines and lines that begin with `#` are skipped.
 *
 * A key URI knows its user by the account of its label alone, so the devices have no `userId`. What is not a time-based device
 * with settings that this module knows is refused: a parameter of unknown meaning may change the codes. Parameters that are known not to are
 * counted in `notes`.
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
    return refuse('a QR code of a Google Authenticator export: read it as that format');
  }
  const parts = partsOf(uri);
  if (parts === undefined) return refuse('not a key URI: it has the form otpauth://totp/Issuer:account?secret=…');
  const { type, label, query } = parts;
  if (/^hotp$/i.test(type)) return refuse('counts codes instead of time (HOTP): its owner has to enrol again');
  if (/^steam$/i.test(type) || /(?:^|&)encoder=/i.test(query)) return refuse('its codes have letters (Steam)');
  if (!/^totp$/i.test(type)) return refuse('not a time-based device: its type is not totp');
  const parameters = readParameters(query);
  if (typeof parameters === 'string') return refuse(parameters);
  const { secret, issuer, algorithm, digits, period } = parameters.settings;
  if (secret === undefined) return refuse('no secret: the parameter is missing');
  if (percentDecoded(label) === undefined) return refuse('the label is not percent-encoded UTF-8');
  const owner = readOwner(label, issuer ?? '');
  if (owner === undefined) {
    return refuse(
      'the label begins with another issuer than the parameter issuer: make them the same, or leave one out',
    );
  }
  return checkClaim({
    source,
    ...owner,
    secret: base32Secret(formDecoded(secret), 'secret'),
    algorithm: algorithm && formDecoded(algorithm),
    digits: digits && formDecoded(digits),
    period: period && formDecoded(period),
    notes: ignoredNote(parameters.ignored),
  });
}

interface Parts {
  readonly type: string;
  /** Still encoded, like `query`. */
  readonly label: string;
  readonly query: string;
}

/** The parts of a key URI, or of the settings of a device as KeeOtp writes them: `key=…&step=30&size=6`. */
function partsOf(uri: string): Parts | undefined {
  if (/^key=/i.test(uri)) {
    return { type: new URLSearchParams(uri).get('type') ?? 'totp', label: '', query: uri };
  }
  // The parts of RFC 3986 appendix B. A URL parser would resolve "/../" in the label, which leads to another's account.
  const parts = /^otpauth:\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/i.exec(uri);
  if (parts === null) return undefined;
  const [, type = '', label = '', query = ''] = parts;
  return { type, label, query };
}

interface Parameters {
  /** Still encoded. */
  readonly settings: Readonly<Partial<Record<Setting, string>>>;
  /** How many others there were, which do not change the codes. */
  readonly ignored: number;
}

/** @returns what is wrong with them, or the settings */
function readParameters(query: string): Parameters | string {
  const settings: Partial<Record<Setting, string>> = {};
  let ignored = 0;
  for (const parameter of query.split('&').filter((text) => text !== '')) {
    const [encodedName = ''] = parameter.split('=', 1);
    const value = parameter.slice(encodedName.length + 1);
    const name = formDecoded(encodedName);
    const key = name.toLowerCase().replace(/[-_]/g, '');
    const setting = SETTING_NAMES.find((one) => SETTINGS[one].some((other) => other === key));
    if (setting !== undefined) {
      if (setting in settings) return 'a parameter is repeated';
      settings[setting] = value;
    } else if (KINDS.has(key)) {
      if (!/^totp$/i.test(value)) return 'not a time-based device: its type is not totp';
    } else if (HARMLESS.has(key)) ignored++;
    else {
      return `the parameter${nameText(name)} may change the codes, which have only ${SETTING_NAMES.join(', ')}: take it out if it does not`;
    }
  }
  return { settings, ignored };
}

const SETTING_NAMES = ['secret', 'issuer', 'algorithm', 'digits', 'period'] as const satisfies readonly Setting[];

/** The name of a parameter if it looks like one. Secrets of 10 bytes are longer. */
function nameText(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(name) ? ` ${name}` : '';
}

function ignoredNote(ignored: number): readonly string[] {
  if (ignored === 0) return [];
  return [`${String(ignored)} ${ignored === 1 ? 'parameter' : 'parameters'} of the exporter ignored`];
}

/**
 * Whom a key URI names. Exporters write a space as `%20` or, as forms do, as `+`, sometimes in one half of the URI only. The reading is taken
 * in which the label's prefix is the issuer.
 *
 * @param label still encoded
 * @param issuer of the parameter, still encoded; empty without one
 * @returns undefined when the label begins with another issuer in every reading
 */
function readOwner(label: string, issuer: string): LabelOwner | undefined {
  const [percent, form] = [percentDecoded(label) ?? '', percentDecoded(label.replaceAll('+', ' ')) ?? ''];
  const literal = percentDecoded(issuer) ?? formDecoded(issuer);
  // "My+Shop" is two words; "C++" is not one word and two spaces.
  const spaced = /\+(?:\+|$)/.test(issuer) ? literal : formDecoded(issuer);
  const isForm = /^[^+]*(?:[^+\s]\+[^+\s]+)+:/.test(label);
  const readings: readonly (readonly [string, string])[] = isForm
    ? [
        [form, spaced],
        [percent, literal],
        [percent, spaced],
      ]
    : [
        [percent, spaced],
        [percent, literal],
        [form, spaced],
      ];
  for (const [labelText, issuerText] of readings) {
    const owner = ownerOf(labelText, issuerText);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

export interface LabelOwner {
  readonly account: string | undefined;
  readonly issuer: string | undefined;
}

/**
 * Whom a label names: `Issuer:account`, or the account alone.
 *
 * With an issuer parameter, only that exact prefix is removed: it may contain a colon itself, and a user who is called `Other:ann` does not
 * become `ann`. A label that is the issuer names no account.
 *
 * @returns undefined when the label has a prefix that is not the issuer
 */
export function ownerOf(label: string, issuer: string): LabelOwner | undefined {
  const colon = label.indexOf(':');
  if (issuer === '') return owner(label.slice(colon + 1), colon === -1 ? '' : label.slice(0, colon));
  if (label === issuer) return owner('', issuer);
  if (label.startsWith(`${issuer}:`)) return owner(label.slice(issuer.length + 1), issuer);
  return colon === -1 ? owner(label, issuer) : undefined;
}

function owner(account: string, issuer: string): LabelOwner {
  const name = account.trimStart();
  return { account: name === '' ? undefined : name, issuer: issuer === '' ? undefined : issuer };
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** As of a form (application/x-www-form-urlencoded): with `+` for a space, and without errors. */
function formDecoded(text: string): string {
  return new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x') ?? '';
}
