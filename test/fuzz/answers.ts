/** Which answers the module, and the platform before it, may give at all (contract §1): anything else is a fault. */
import type { HttpAnswer } from './connection.js';
import { type FuzzedRequest, ROUTES } from './requests.js';
import { written } from './texts.js';

/** Few, so that random requests come to the limit. */
export const MAX_DEVICES = 2;
export const MAX_BROWSERS = 2;

const counters = { currentNumberOfFailedAttempts: 'failures', maxNumberOfFailedAttempts: 'failures' } as const;
const INVALID_TOTP_ERROR = counters;
const LIMIT_REACHED_ERROR = { ...counters, retryAfterMs: 'wait' } as const;
const nothing = {} as const;

type Kind = keyof typeof kinds;

/** The fields of each outcome of each route, next to `status`. */
export const OUTCOMES: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Kind>>>>>> = {
  'POST /device': {
    OK: { deviceName: 'name', secret: 'secret', qrCodeString: 'keyUri', qrCodeImage: 'image', replaced: 'trueOrNone' },
    DEVICE_ALREADY_EXISTS_ERROR: nothing,
    GENERAL_ERROR: { message: 'message' },
  },
  'GET /device/list': { OK: { devices: 'devices' } },
  'POST /device/remove': { OK: { didDeviceExist: 'flag' } },
  'POST /device/verify': {
    OK: { wasAlreadyVerified: 'flag' },
    UNKNOWN_DEVICE_ERROR: nothing,
    INVALID_TOTP_ERROR,
    LIMIT_REACHED_ERROR,
  },
  'POST /device/rename': { OK: nothing, UNKNOWN_DEVICE_ERROR: nothing, DEVICE_ALREADY_EXISTS_ERROR: nothing },
  'POST /verify': { OK: nothing, UNKNOWN_USER_ID_ERROR: nothing, INVALID_TOTP_ERROR, LIMIT_REACHED_ERROR },
  'POST /recovery-codes': { OK: { recoveryCodes: 'recoveryCodes' }, UNKNOWN_USER_ID_ERROR: nothing },
  'GET /recovery-codes': { OK: { left: 'codes', total: 'codes', createdAt: 'timeOrNull' } },
  'POST /recovery-codes/verify': {
    OK: { recoveryCodesLeft: 'codes' },
    INVALID_RECOVERY_CODE_ERROR: nothing,
    UNKNOWN_USER_ID_ERROR: nothing,
  },
  'GET /trusted-browsers': { OK: { browsers: 'browsers' } },
  'POST /trusted-browsers/forget': { OK: { forgotten: 'browserCount' } },
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const kinds = {
  trueOrNone: (value: unknown) => value === undefined || value === true,
  flag: (value: unknown) => typeof value === 'boolean',
  message: (value: unknown) =>
    value === `You can have up to ${String(MAX_DEVICES)} authenticators. Remove one to add another.`,
  name: (value: unknown) =>
    isText(value) && Array.from(value).length <= 256 && !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value),
  secret: (value: unknown) => isText(value) && /^[A-Z2-7]{32}$/.test(value),
  keyUri: (value: unknown) =>
    isText(value) &&
    /^otpauth:\/\/totp\/Acme\?secret=[A-Z2-7]{32}&issuer=Acme&algorithm=SHA1&digits=6&period=30$/.test(value),
  image: (value: unknown) => isText(value) && /^data:image\/svg\+xml;base64,[A-Za-z0-9+/]+=*$/.test(value),
  failures: (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 5,
  wait: (value: unknown) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 86_400_000,
  recoveryCodes: (value: unknown) =>
    Array.isArray(value) &&
    value.length === 8 &&
    value.every((code) => /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/.test(String(code))),
  codes: (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8,
  timeOrNull: (value: unknown) => value === null || isTime(value),
  browserCount: (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_BROWSERS,
  browsers: (value: unknown) => Array.isArray(value) && value.length <= MAX_BROWSERS && value.every(isBrowser),
  devices: (value: unknown) => Array.isArray(value) && value.length <= MAX_DEVICES && value.every(isDevice),
};

function isTime(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isDevice(value: unknown): boolean {
  const { name, period, skew, verified, createdAt, verifiedAt, lastUsedAt, ...others } = value as Record<
    string,
    unknown
  >;
  const isPlain = period === 30 && skew === 1 && verified === (verifiedAt !== null);
  const hasTimes = isTime(createdAt) && kinds.timeOrNull(verifiedAt) && kinds.timeOrNull(lastUsedAt);
  return isPlain && hasTimes && kinds.name(name) && Object.keys(others).length === 0;
}

function isBrowser(value: unknown): boolean {
  const { id, createdAt, lastUsedAt, expiresAt, userAgent, ...others } = value as Record<string, unknown>;
  const hasTimes = [createdAt, lastUsedAt, expiresAt].every(isTime);
  return isText(id) && hasTimes && (userAgent === null || isText(userAgent)) && Object.keys(others).length === 0;
}

/** What Node itself, or Fastify in its place, says to what is not HTTP at all. */
const NO_HTTP = [400, 408, 417, 431];
const CLIENT_ERROR = /^$|^\{"error":"[A-Za-z ]+","message":"[A-Za-z ]+","statusCode":\d{3}\}$/;

/** What is wrong with an answer; undefined when nothing is. */
export function problemWith(request: FuzzedRequest, answer: HttpAnswer): string | undefined {
  const { status, headers, body } = answer;
  const path = written(request.target).split(/[?#]/, 1)[0] ?? '';
  const route = ROUTES.find(
    ([method, known]) => method === request.method && `/totp${known}` === path.replace(/\/$/, ''),
  );

  if (status >= 500) return 'a fault';
  // Express tells by itself which methods a path has.
  if (request.method === 'OPTIONS' && status === 200) {
    return /^(GET|HEAD|POST)((, |,)(GET|HEAD|POST))*$/.test(body) ? undefined : 'no list of methods';
  }
  if (request.ending !== 'wait' && NO_HTTP.includes(status) && CLIENT_ERROR.test(body)) return undefined;
  if (request.method === 'HEAD') {
    return [200, 400, 401, 404, 413, 415].includes(status) ? undefined : 'an unknown status';
  }
  if (headers.get('content-type') !== 'application/json; charset=utf-8') return 'not JSON';

  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    return 'not JSON';
  }
  if (typeof fields !== 'object' || fields === null) return 'no JSON object';
  if (status === 200) {
    return (
      problemWithOutcome(route && `${route[0]} ${route[1]}`, fields) ??
      (request.who === 'nobody' ? 'an answer to nobody' : problemWithHeaders(fields, headers))
    );
  }
  if (status === 401) {
    return request.who === 'nobody' && body === '{"message":"unauthorised","errorCode":"TOTP_SIGN_IN_REQUIRED"}'
      ? undefined
      : 'a refusal in other words';
  }
  if (status === 403) {
    const reason = '{"message":"Enter the code from your authenticator app.","factorId":"totp"}';
    return request.who !== 'nobody' &&
      body ===
        `{"message":"invalid claim","errorCode":"TOTP_CODE_REQUIRED","claimValidationErrors":[{"id":"st-mfa","reason":${reason}}]}`
      ? undefined
      : 'a refusal in other words';
  }
  if (status === 404 && request.ending === 'wait') return 'a route that is not there';
  const { statusCode, message } = fields as Record<string, unknown>;
  return [400, 404, 413, 415].includes(status) && statusCode === status && isText(message)
    ? undefined
    : 'an unknown refusal';
}

function problemWithOutcome(route: string | undefined, body: object): string | undefined {
  const { status, ...fields } = body as Record<string, unknown>;
  const known = (route === undefined ? Object.values(OUTCOMES) : [OUTCOMES[route] ?? {}]).flatMap((outcomes) =>
    Object.hasOwn(outcomes, String(status)) ? [outcomes[String(status)] ?? {}] : [],
  );
  const fits = known.some(
    (expected) =>
      Object.keys(fields).every((name) => name in expected) &&
      Object.entries(expected).every(([name, kind]) => kinds[kind](fields[name])),
  );
  return fits ? undefined : 'an unknown outcome';
}

function problemWithHeaders(body: object, headers: ReadonlyMap<string, string>): string | undefined {
  const { retryAfterMs, secret, recoveryCodes } = body as Record<string, unknown>;
  const expected = retryAfterMs === undefined ? undefined : String(Math.ceil(Number(retryAfterMs) / 1000));
  if (headers.get('retry-after') !== expected) return 'a wrong Retry-After';
  if ((secret ?? recoveryCodes) !== undefined && headers.get('cache-control') !== 'no-store')
    return 'a secret that may be stored';
  return undefined;
}
