/**
 * Describes the module's routes in OpenAPI: what each takes and answers.
 *
 * `@nestjs/swagger` reads the description from the metadata that its decorators would set. It may not be installed, so the keys of that
 * metadata are written here; a test compares the document that it makes.
 */
import { BAD_REQUEST, FORBIDDEN, type Response, UNAUTHORISED } from './openapi-refusals.js';
import type { ApiName } from './routes.js';
import {
  flag,
  list,
  object,
  orNull,
  type Outcome,
  outcome,
  type Properties,
  type Schema,
  text,
  time,
  whole,
} from './openapi-schemas.js';

/** A route, as its documentation describes it. */
interface RouteDescription {
  /** What a generated client calls the route. */
  readonly operationId: string;
  readonly summary: string;
  /** The properties of the JSON body; undefined for a route without a body. */
  readonly body?: Schema;
  readonly outcomes: readonly Outcome[];
  /** The headers that the client may send. */
  readonly headers?: Properties;
  /** Whether the session may have to enter a code first. */
  readonly stepUp: boolean;
}

const deviceName = text('The name of the device', 'TOTP Device 0', { minLength: 1, maxLength: 256 });
const code = text('What the user entered', '492039');
const trustBrowser: Properties = {
  trustBrowser: flag('Whether this browser need not enter a code from now on; needs the option trustedBrowsers'),
};
const reportReplay: Properties = {
  reportReplay: flag('Whether the answer tells a used code from a wrong one, in a session that has completed TOTP'),
};
const trustToken: Properties = {
  trustToken: text('The token of the trusted browser, for clients that keep it themselves', 'u1Y…'),
};

const failures: Properties = {
  currentNumberOfFailedAttempts: whole('Wrong codes that count towards the next lock', 1),
  maxNumberOfFailedAttempts: whole('How many of them start a lock', 5),
};
const INVALID_FIRST_CODE = outcome('INVALID_TOTP_ERROR', 'The code is wrong, or was used before.', failures);
const INVALID_CODE = outcome('INVALID_TOTP_ERROR', 'The code is wrong, or was used before.', failures, {
  nextCodeRequired: {
    type: 'boolean',
    enum: [true],
    description: 'The code was right, and the next code of the same device is needed too',
  },
  replayed: {
    type: 'boolean',
    enum: [true],
    description: 'The code was right and used before; only in a session that has completed TOTP',
  },
  completedAt: time('When the session completed TOTP; only with replayed'),
});
const LOCKED = outcome(
  'LIMIT_REACHED_ERROR',
  'There were too many wrong codes. The header Retry-After has the wait in seconds.',
  {
    ...failures,
    retryAfterMs: whole('How long to wait, in milliseconds', 900_000),
  },
);
const NO_DEVICE = outcome('UNKNOWN_USER_ID_ERROR', 'The user has no verified device.');
const UNKNOWN_DEVICE = outcome('UNKNOWN_DEVICE_ERROR', 'No device of the user has this name.');
const NAME_TAKEN = outcome('DEVICE_ALREADY_EXISTS_ERROR', 'Another device of the user has this name.');
const GENERAL_ERROR = outcome('GENERAL_ERROR', 'An answer of the application, whose message users may be shown.', {
  message: text('What to show', 'You can have up to 10 authenticators. Remove one to add another.'),
});

const device = object({
  name: deviceName,
  period: whole('Seconds that each code is shown for', 30),
  skew: whole('Steps before and after the present one whose codes are accepted too', 1),
  verified: flag('Whether the device has shown a right code'),
  createdAt: time('When it was created'),
  verifiedAt: orNull(time('When it was verified')),
  lastUsedAt: orNull(time('When one of its codes was last accepted')),
});

const browser = object({
  id: text('Identifies the browser', 'b5c0…'),
  createdAt: time('When it came to be trusted'),
  lastUsedAt: time('When it last signed in, to the day'),
  expiresAt: time('Until when it is trusted'),
  userAgent: orNull(text('How the browser names itself', 'Mozilla/5.0 …')),
});

const DESCRIPTIONS: Readonly<Record<ApiName, RouteDescription>> = {
  createDevicePOST: {
    operationId: 'totpCreateDevice',
    summary: 'Create a device',
    body: object({}, { deviceName }),
    headers: {
      'Idempotency-Key': text(
        'For a creation that may be sent twice: in the same session, the same key returns the same device, until it is verified',
        '8e03978e-40d5-43e8-bc93-6894a57f9324',
        { minLength: 1, maxLength: 255 },
      ),
    },
    outcomes: [
      outcome(
        'OK',
        'The secret and the QR code are shown only this once. The first code of the device verifies it.',
        {
          deviceName,
          secret: text('The secret in Base32', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'),
          qrCodeString: text(
            'The key URI',
            'otpauth://totp/Acme:ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme',
          ),
        },
        {
          qrCodeImage: text('The QR code as a data URL of an SVG image', 'data:image/svg+xml;base64,PHN2…'),
          replaced: {
            type: 'boolean',
            enum: [true],
            description: 'An unverified device had the name; its QR code stops working',
          },
        },
      ),
      NAME_TAKEN,
    ],
    stepUp: true,
  },
  listDevicesGET: {
    operationId: 'totpListDevices',
    summary: "List the user's devices",
    outcomes: [outcome('OK', 'The devices, oldest first.', { devices: list(device, 'The devices') })],
    stepUp: false,
  },
  removeDevicePOST: {
    operationId: 'totpRemoveDevice',
    summary: 'Remove a device',
    body: object({ deviceName }),
    outcomes: [outcome('OK', 'The device is gone.', { didDeviceExist: flag('Whether there was such a device') })],
    stepUp: true,
  },
  verifyDevicePOST: {
    operationId: 'totpVerifyDevice',
    summary: 'Verify a device by its first code',
    body: object({ deviceName, totp: code }),
    outcomes: [
      outcome('OK', 'The device is verified. The code cannot be used again.', {
        wasAlreadyVerified: flag('Whether it was verified before; then the code was not checked'),
      }),
      UNKNOWN_DEVICE,
      INVALID_FIRST_CODE,
      LOCKED,
    ],
    stepUp: true,
  },
  updateDevicePOST: {
    operationId: 'totpRenameDevice',
    summary: 'Rename a device',
    body: object({ existingDeviceName: deviceName, newDeviceName: deviceName }),
    outcomes: [outcome('OK', 'The device has the new name.'), UNKNOWN_DEVICE, NAME_TAKEN],
    stepUp: true,
  },
  verifyTOTPPOST: {
    operationId: 'totpVerifyCode',
    summary: 'Enter a code',
    body: object({ totp: code }, { ...trustBrowser, ...reportReplay }),
    outcomes: [outcome('OK', 'The session has completed TOTP.', {}, trustToken), NO_DEVICE, INVALID_CODE, LOCKED],
    stepUp: false,
  },
  createRecoveryCodesPOST: {
    operationId: 'totpCreateRecoveryCodes',
    summary: 'Create recovery codes, in place of the earlier ones',
    body: object({}),
    outcomes: [
      outcome('OK', 'The codes are shown only this once.', {
        recoveryCodes: list(text('A code', '7K2M-9XQ4-ZB1T-0HVN-C8RD-W5PA'), 'The codes'),
      }),
      NO_DEVICE,
    ],
    stepUp: true,
  },
  recoveryCodesGET: {
    operationId: 'totpCountRecoveryCodes',
    summary: 'Count the recovery codes that are left',
    outcomes: [
      outcome('OK', 'How many codes the user has.', {
        left: whole('Codes that were not used', 7),
        total: whole('Codes of the set', 8),
        createdAt: orNull(time('When the set was created')),
      }),
    ],
    stepUp: false,
  },
  verifyRecoveryCodePOST: {
    operationId: 'totpVerifyRecoveryCode',
    summary: 'Enter a recovery code',
    body: object({ recoveryCode: text('What the user entered', '7K2M-9XQ4-ZB1T-0HVN-C8RD-W5PA') }, trustBrowser),
    outcomes: [
      outcome(
        'OK',
        'The session has completed TOTP. The code cannot be used again, and a lock has ended.',
        { recoveryCodesLeft: whole('Codes that are left', 7) },
        trustToken,
      ),
      outcome('INVALID_RECOVERY_CODE_ERROR', 'The code is wrong, or was used before.'),
      NO_DEVICE,
    ],
    stepUp: false,
  },
  trustedBrowsersGET: {
    operationId: 'totpListTrustedBrowsers',
    summary: 'List the trusted browsers',
    outcomes: [outcome('OK', 'The browsers, oldest first.', { browsers: list(browser, 'The browsers') })],
    stepUp: false,
  },
  forgetTrustedBrowsersPOST: {
    operationId: 'totpForgetTrustedBrowsers',
    summary: 'End the trust in one browser, or in all',
    body: object({}, { id: text('The browser; without it, all of them', 'b5c0…') }),
    outcomes: [outcome('OK', 'The browsers must enter codes again.', { forgotten: whole('How many they were', 1) })],
    stepUp: true,
  },
};

/** The answers of a route, by HTTP status. */
function responsesOf({ body, outcomes, stepUp }: RouteDescription): Readonly<Record<string, Response>> {
  const all = [...outcomes, GENERAL_ERROR];
  const isLimited = outcomes.includes(LOCKED);
  return {
    200: {
      description: 'The outcome, by its status.',
      ...(isLimited && {
        headers: {
          'Retry-After': { description: 'Seconds to wait, with LIMIT_REACHED_ERROR', schema: whole('Seconds', 900) },
        },
      }),
      content: {
        'application/json': {
          schema: { oneOf: all.map(({ schema }) => schema) },
          examples: Object.fromEntries(all.map(({ status, example }) => [status, { value: example }])),
        },
      },
    },
    ...(body && { 400: BAD_REQUEST }),
    401: UNAUTHORISED,
    ...(stepUp && { 403: FORBIDDEN }),
  };
}

/** Sets the metadata that `@nestjs/swagger` reads, on a controller class and its handlers. */
export function describeRoutes(controller: { readonly prototype: object }): void {
  // Of the class: on a handler, it would be added to the tag that @nestjs/swagger makes of the name of the class.
  Reflect.defineMetadata('swagger/apiUseTags', ['totp'], controller);
  for (const [name, description] of Object.entries(DESCRIPTIONS)) {
    const handler: unknown = Reflect.get(controller.prototype, name);
    if (typeof handler !== 'function') continue;
    const { operationId, summary, body, headers = {} } = description;
    Reflect.defineMetadata('swagger/apiOperation', { operationId, summary }, handler);
    Reflect.defineMetadata('swagger/apiResponse', responsesOf(description), handler);
    const parameters = [
      ...(body === undefined
        ? []
        : [{ in: 'body', type: String, required: body.required !== undefined, schema: body }]),
      ...Object.entries(headers).map(([header, schema]) => ({ in: 'header', name: header, required: false, schema })),
    ];
    if (parameters.length > 0) Reflect.defineMetadata('swagger/apiParameters', parameters, handler);
  }
}
