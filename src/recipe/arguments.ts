/** Checks the arguments of the recipe's functions at run time: JavaScript and `as` let through what the types forbid. */
import { deviceNameProblem } from '../accounts/enrolment.js';
import { fromBase32, isSecret, MAX_SECRET_BYTES, MIN_SECRET_BYTES } from '../otp/secret.js';
import { ALGORITHMS, DIGITS, PERIOD_RANGE, SKEW_RANGE } from '../otp/settings.js';
import { importProblem } from '../secrets/recovery-code.js';
import { durationMs } from '../shared/duration.js';
import { TotpArgumentError } from '../shared/errors.js';
import { MAX_USER_ID_LENGTH } from '../storage/account-store.js';
import type { LiveSession } from './caller.js';
import { MAX_RECOVERY_CODES } from './config.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from './idempotency.js';
import type { RecipeInterface, StepUpInput } from './recipe-interface.js';

/** Returns what is wrong with a value, in a message that begins with its name; undefined when the value is valid. */
export type Check = (value: unknown, name: string) => string | undefined;

/** A check for each field of an input, so that a new field without a check does not compile. */
type Checks<Input> = { readonly [Field in keyof Required<Input>]: Check };

interface CheckedFunctions extends RecipeInterface {
  requireStepUp(input: StepUpInput): unknown;
}

const CHANGES = ['create', 'rename', 'enrol', 'remove', 'create-recovery-codes', 'forget-browsers'];
const MAX_STATUSES = 500;
const MAX_IMPORTS = 1_000;
const MAX_TENANT_ID_LENGTH = 256;
const MAX_OPERATOR_LENGTH = 256;
/** How long a temporary code may be valid, in seconds. */
const VALIDITY_RANGE = [60, 86_400] as const;

/** NUL and unpaired surrogates: databases cannot store them, so such strings could not be distinguished. */
const UNSTORABLE = /[\0\p{Cs}]/u;

/**
 * What is wrong with a user id; undefined when it is valid.
 *
 * @param field the name of the user id in the message
 */
export function userIdProblem(userId: string, field: string): string | undefined {
  if (userId === '') return `${field} is empty`;
  if (userId.length > MAX_USER_ID_LENGTH) return `${field} is longer than ${String(MAX_USER_ID_LENGTH)} characters`;
  return UNSTORABLE.test(userId) ? `${field} contains NUL or unpaired surrogates` : undefined;
}

/** A name that is required. */
const isDeviceName: Check = (value, name) => deviceNameProblem(typeof value === 'string' ? value : '', name);

/** A name that may be left out. */
const isOptionalDeviceName: Check = (value, name) => {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? deviceNameProblem(value, name) : `${name} must be a string`;
};

/** What the user entered: any string, because a malformed code counts as a failure like any other wrong code. */
const isCode: Check = (value, name) =>
  typeof value === 'string' ? undefined : `${name} is required and must be a string`;

const isUserId: Check = (value, name) =>
  typeof value === 'string' ? userIdProblem(value, name) : `${name} must be a string: write String(user.id)`;

/** A text that identifies something: 1 to `max` UTF-16 units. */
function isIdentifier(max: number): Check {
  return (value, name) =>
    typeof value === 'string' && value !== '' && value.length <= max && !UNSTORABLE.test(value)
      ? undefined
      : `${name} must be a string of 1 to ${String(max)} characters`;
}

export const isLabel: Check = (value, name) =>
  typeof value === 'string' && value !== '' && !UNSTORABLE.test(value)
    ? undefined
    : `${name} must be a non-empty string without NUL or unpaired surrogates`;

const isBase32: Check = (value, name) =>
  typeof value === 'string' && usableSecret(value) !== undefined ? undefined : notBase32(name);

const isBoolean: Check = (value, name) => (typeof value === 'boolean' ? undefined : `${name} must be true or false`);

const isObject: Check = (value, name) => (isRecord(value) ? undefined : `${name} must be an object`);

/** Null or another falsy value must not pass as "no session". */
const isSession: Check = (value, name) => {
  const handle: unknown = isRecord(value) ? Reflect.get(value, 'handle') : undefined;
  const isLiveSession =
    isRecord(value) && LIVE_SESSION.every((method) => typeof Reflect.get(value, method) === 'function');
  return isLiveSession || (typeof handle === 'string' && handle !== '')
    ? undefined
    : `${name} must be what @CurrentTotpSession() passes, or { handle, completedAt } with a non-empty string as the handle, or be left out`;
};

const LIVE_SESSION = ['getUserId', 'getTenantId', 'acting', 'complete'] satisfies (keyof LiveSession)[];

const isOperatorText: Check = (value, name) => {
  const isValid =
    typeof value === 'string' && isPrintable(value) && value !== '' && value.length <= MAX_OPERATOR_LENGTH;
  return isValid
    ? undefined
    : `${name} must be 1 to ${String(MAX_OPERATOR_LENGTH)} characters without control characters`;
};

const isOperator: Check = (value, name) => {
  if (!isRecord(value)) return `${name} must be { actor, reason }, or be left out`;
  return (
    isOperatorText(Reflect.get(value, 'actor'), `${name}.actor`) ??
    optional(isOperatorText)(Reflect.get(value, 'reason'), `${name}.reason`)
  );
};

const isString: Check = (value, name) => (typeof value === 'string' ? undefined : `${name} must be a string`);

const isTrustBrowser: Check = (value, name) =>
  isRecord(value)
    ? optional(isString)(Reflect.get(value, 'userAgent'), `${name}.userAgent`)
    : `${name} must be an object such as { userAgent: '…' }, or be left out`;

const isValidity: Check = (value, name) => {
  const seconds = (durationMs(value) ?? NaN) / 1_000;
  const [min, max] = VALIDITY_RANGE;
  const isValid = seconds >= min && seconds <= max && Number.isInteger(seconds);
  return isValid
    ? undefined
    : `${name} must be whole seconds from ${String(min)} to ${String(max)}, or a string such as '2h'`;
};

const isImportedCode: Check = (value, name) =>
  typeof value === 'string' ? importProblem(value, name) : `${name} must be a string`;

const areImportedCodes: Check = (value, name) => {
  const problem = isList(MAX_RECOVERY_CODES, 'codes', isImportedCode)(value, name);
  if (problem !== undefined || !Array.isArray(value)) return problem;
  if (value.length === 0) return `${name} is empty: pass the codes, or leave the user without any`;
  return new Set(value).size === value.length ? undefined : `${name} contains a code twice`;
};

const isDeviceChange: Check = (value, name) => {
  const kind: unknown = isRecord(value) ? Reflect.get(value, 'kind') : undefined;
  if (!isRecord(value) || typeof kind !== 'string' || !CHANGES.includes(kind)) {
    return `${name} must be { kind } with one of ${CHANGES.join(', ')}, and with a deviceName for enrol and remove`;
  }
  const needsName = kind === 'enrol' || kind === 'remove';
  return needsName ? isDeviceName(Reflect.get(value, 'deviceName'), `${name}.deviceName`) : undefined;
};

function isWholeNumber([min, max]: readonly [number, number]): Check {
  return (value, name) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `${name} must be a whole number from ${String(min)} to ${String(max)}`;
}

function isOneOf(choices: readonly unknown[]): Check {
  return (value, name) => (choices.includes(value) ? undefined : `${name} must be one of ${choices.join(', ')}`);
}

function optional(check: Check): Check {
  return (value, name) => (value === undefined ? undefined : check(value, name));
}

/** @param max how many entries are read in one statement or written in one transaction */
function isList(max: number, ofWhat: string, check: Check): Check {
  return (value, name) => {
    if (!Array.isArray(value)) return `${name} must be an array`;
    if (value.length > max) {
      return `${name} has ${String(value.length)} entries: pass at most ${max.toLocaleString('en')} ${ofWhat} at a time`;
    }
    // By index, so that the holes of a sparse array are checked as well.
    for (let index = 0; index < value.length; index++) {
      const problem = check(value[index], `${name}[${String(index)}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

const CALL = {
  userId: isUserId,
  tenantId: optional(isIdentifier(MAX_TENANT_ID_LENGTH)),
  userContext: optional(isObject),
};
const BY = { by: optional(isOperator) };
const FROM_SESSION = { ...CALL, session: optional(isSession) };
const ON_BEHALF_OF = { ...FROM_SESSION, onBehalfOf: optional(isOneOf(['application'])) };
const SETTINGS = { skew: optional(isWholeNumber(SKEW_RANGE)), period: optional(isWholeNumber(PERIOD_RANGE)) };
const IMPORT = {
  ...CALL,
  ...BY,
  ...SETTINGS,
  deviceName: isOptionalDeviceName,
  secretKey: isBase32,
  algorithm: optional(isOneOf(ALGORITHMS)),
  digits: optional(isOneOf(DIGITS)),
};
const IMPORT_CHECKS = Object.entries(IMPORT);

/** Every argument of every function. */
const CHECKS: { readonly [Name in keyof CheckedFunctions]: Checks<Parameters<CheckedFunctions[Name]>[0]> } = {
  createDevice: {
    ...ON_BEHALF_OF,
    ...SETTINGS,
    deviceName: isOptionalDeviceName,
    userIdentifierInfo: optional(isLabel),
    idempotencyKey: optional(isIdentifier(MAX_IDEMPOTENCY_KEY_LENGTH)),
  },
  updateDevice: { ...ON_BEHALF_OF, existingDeviceName: isDeviceName, newDeviceName: isDeviceName },
  listDevices: CALL,
  removeDevice: { ...ON_BEHALF_OF, ...BY, deviceName: isDeviceName },
  verifyDevice: { ...ON_BEHALF_OF, deviceName: isDeviceName, totp: isCode },
  verifyTOTP: {
    ...FROM_SESSION,
    totp: isCode,
    trustBrowser: optional(isTrustBrowser),
    reportReplay: optional(isBoolean),
  },
  getUserIdentifierInfoForUserId: CALL,
  importDevice: IMPORT,
  importDevices: {
    devices: isList(MAX_IMPORTS, 'devices', (value, name) => fieldProblem(value, name, IMPORT_CHECKS)),
    dryRun: optional(isBoolean),
  },
  unlockUser: { ...CALL, ...BY },
  getStatus: CALL,
  getStatuses: { userIds: isList(MAX_STATUSES, 'users', isUserId) },
  removeUser: { ...CALL, ...BY },
  createRecoveryCodes: { ...ON_BEHALF_OF, ...BY },
  getRecoveryCodes: CALL,
  verifyRecoveryCode: { ...FROM_SESSION, recoveryCode: isCode, trustBrowser: optional(isTrustBrowser) },
  importRecoveryCodes: { ...CALL, ...BY, recoveryCodes: areImportedCodes },
  createTemporaryCode: { ...CALL, ...BY, validFor: optional(isValidity) },
  verifyTrustedBrowser: { ...CALL, trustToken: isString },
  listTrustedBrowsers: CALL,
  forgetTrustedBrowsers: { ...ON_BEHALF_OF, ...BY, id: optional(isString) },
  requireStepUp: { userId: isUserId, session: isSession, change: isDeviceChange },
};

/** Built once, not for each call. */
const FIELDS: ReadonlyMap<string, readonly [string, Check][]> = new Map(
  Object.entries(CHECKS).map(([name, checks]) => [name, Object.entries<Check>(checks)]),
);

/** @throws TotpArgumentError that names the invalid argument */
export function checkArguments(functionName: keyof CheckedFunctions, input: unknown): void {
  const problem = fieldProblem(input, '', FIELDS.get(functionName) ?? []) ?? authorityProblem(functionName, input);
  if (problem !== undefined) throw new TotpArgumentError(problem);
}

/** Whether nobody, or both the session and the application, would answer for a change of devices. */
function authorityProblem(functionName: keyof CheckedFunctions, input: unknown): string | undefined {
  if (!('onBehalfOf' in CHECKS[functionName]) || !isRecord(input)) return undefined;
  const session: unknown = Reflect.get(input, 'session');
  const onBehalfOf: unknown = Reflect.get(input, 'onBehalfOf');
  if ((session === undefined) !== (onBehalfOf === undefined)) return undefined;
  return session === undefined
    ? "session is missing: pass the session that asks for the change, or onBehalfOf: 'application' to make it without a session"
    : "session and onBehalfOf were both passed: leave onBehalfOf out, so that the session's code is asked for";
}

/** @throws TotpArgumentError that names the argument */
export function checkArgument(name: string, value: unknown, check: Check): void {
  const problem = check(value, name);
  if (problem !== undefined) throw new TotpArgumentError(problem);
}

/** @throws TotpArgumentError */
export function decodeSecret(secretKey: string): Uint8Array {
  const secret = usableSecret(secretKey);
  if (secret === undefined) throw new TotpArgumentError(notBase32('secretKey'));
  return secret;
}

/** The bytes of a secret in Base32; undefined when it is not Base32, or too short or long (RFC 4226 R6). */
function usableSecret(secretKey: string): Uint8Array | undefined {
  const secret = fromBase32(secretKey);
  return secret !== undefined && isSecret(secret) ? secret : undefined;
}

function fieldProblem(value: unknown, name: string, checks: readonly [string, Check][]): string | undefined {
  if (!isRecord(value)) return `${name || 'input'} must be an object, such as { userId: '…' }`;
  for (const [field, check] of checks) {
    const problem = check(Reflect.get(value, field), name === '' ? field : `${name}.${field}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function notBase32(name: string): string {
  const range = `${String(MIN_SECRET_BYTES)} to ${String(MAX_SECRET_BYTES)} bytes`;
  return `${name} must be Base32 of ${range}, such as 32 letters from A–Z and 2–7`;
}

function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
