/** How the module's routes refuse a request, in OpenAPI. */
import { list, object, type Schema, text, whole } from './openapi-schemas.js';

const message = text('What is wrong', 'totp is required and must be a string');
const errorCode = (value: string): Schema => ({ type: 'string', enum: [value] });

export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content: {
    readonly 'application/json': {
      readonly schema: Schema;
      readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
    };
  };
}

function json(description: string, schema: Schema): Response {
  return { description, content: { 'application/json': { schema } } };
}

export const BAD_REQUEST = json(
  'The body is not as described.',
  object({ statusCode: whole('The HTTP status', 400), message, error: text('Its name', 'Bad Request') }),
);
export const UNAUTHORISED = json(
  'Nobody is signed in.',
  object({ message: text('For developers', 'unauthorised'), errorCode: errorCode('TOTP_SIGN_IN_REQUIRED') }),
);
export const FORBIDDEN = json(
  'The session must enter a code first.',
  object({
    message: text('For developers', 'invalid claim'),
    errorCode: errorCode('TOTP_CODE_REQUIRED'),
    claimValidationErrors: list(
      object({
        id: text('The claim', 'st-mfa'),
        reason: object({
          message: text('For users', 'Enter the code from your authenticator app.'),
          factorId: text('The factor', 'totp'),
        }),
      }),
      'What the session lacks',
    ),
  }),
);
