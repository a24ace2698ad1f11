/** Reads the bodies of requests. An invalid body is a 400 with a message that names the field. */
import { BadRequestException } from '@nestjs/common';
import { deviceNameProblem } from '../accounts/enrolment.js';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from '../recipe/idempotency.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { property, textProperty } from '../shared/unknown.js';

const WITHOUT_PARSER =
  'TotpModule: a request has a JSON body that nothing has parsed. Remove bodyParser: false from NestFactory.create, or add ' +
  "app.useBodyParser('json'), or a parser of your own for the module's path.";

/**
 * The fields of a body; none when there is no body.
 *
 * @throws TotpConfigurationError when the application parses no bodies
 *
 * Only JSON is read. This also rejects forms of other sites: a browser sends JSON to another site only after a CORS preflight.
 */
export function bodyFields(body: unknown, headers: unknown): object {
  if (hasBody(headers) && !isJson(headers)) {
    throw new BadRequestException('the body must be JSON: send it with the header Content-Type: application/json');
  }
  if (body === undefined && hasBody(headers)) throw new TotpConfigurationError(WITHOUT_PARSER);
  if (body === undefined || body === '') return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadRequestException('the body must be a JSON object');
  }
  return body;
}

/** The body for creating a device: the name is optional. */
export function optionalDeviceName(fields: object): string | undefined {
  const name = property(fields, 'deviceName');
  if (name === undefined) return undefined;
  if (typeof name !== 'string') throw new BadRequestException('deviceName must be a string');
  return checked(name, 'deviceName');
}

/** What the client sends with a creation that it may send twice; undefined without one. */
export function idempotencyKey(headers: unknown): string | undefined {
  const key = textProperty(headers, 'idempotency-key');
  if (key !== undefined && key.length > MAX_IDEMPOTENCY_KEY_LENGTH) {
    throw new BadRequestException(
      `the header Idempotency-Key must not be longer than ${String(MAX_IDEMPOTENCY_KEY_LENGTH)} characters`,
    );
  }
  return key;
}

export function deviceName(fields: object, field = 'deviceName'): string {
  const name = property(fields, field);
  return checked(typeof name === 'string' ? name : '', field);
}

/** A code that the user entered: any string. */
export function enteredCode(fields: object, field: 'totp' | 'recoveryCode'): string {
  const code = property(fields, field);
  if (typeof code !== 'string') throw new BadRequestException(`${field} is required and must be a string`);
  return code;
}

/** Whether the client asks for something that is off by default. */
export function isAsked(fields: object, field: 'trustBrowser' | 'reportReplay'): boolean {
  const value = property(fields, field) ?? false;
  if (typeof value !== 'boolean') throw new BadRequestException(`${field} must be true or false`);
  return value;
}

/** The id of a trusted browser; undefined for all of them. */
export function browserId(fields: object): string | undefined {
  const id = property(fields, 'id');
  if (id !== undefined && (typeof id !== 'string' || id === '')) {
    throw new BadRequestException('id must be a non-empty string, or be left out');
  }
  return id;
}

/** Whether a request has a body (RFC 9112 §6). */
export function hasBody(headers: unknown): boolean {
  const length = property(headers, 'content-length');
  return property(headers, 'transfer-encoding') !== undefined || (length !== undefined && length !== '0');
}

export function isJson(headers: unknown): boolean {
  const type = property(headers, 'content-type');
  return typeof type === 'string' && /^application\/json\s*(;|$)/i.test(type.trim());
}

function checked(name: string, field: string): string {
  const problem = deviceNameProblem(name, field);
  if (problem !== undefined) throw new BadRequestException(problem);
  return name;
}
