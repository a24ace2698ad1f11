/** What the bodies of requests must be: the messages are the contract's, and a wrong body is a 400. */
import { BadRequestException } from '@nestjs/common';
import { deviceNameProblem } from '../accounts/enrolment.js';
import { property } from '../shared/unknown.js';

/**
 * The fields of a body; none when there is no body.
 *
 * Only JSON is read. That is also what keeps other sites' forms out: a browser asks first before it sends JSON across sites.
 */
export function bodyFields(body: unknown, headers: unknown): object {
  if (hasBody(headers) && !isJson(headers)) {
    throw new BadRequestException('the body must be JSON: send it with the header Content-Type: application/json');
  }
  if (body === undefined || body === '') return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadRequestException('the body must be a JSON object');
  }
  return body;
}

/** For creating a device, which may go without a name. */
export function optionalDeviceName(fields: object): string | undefined {
  const name = ownField(fields, 'deviceName');
  if (name === undefined) return undefined;
  if (typeof name !== 'string') throw new BadRequestException('deviceName must be a string');
  return checked(name, 'deviceName');
}

export function deviceName(fields: object, field = 'deviceName'): string {
  const name = ownField(fields, field);
  return checked(typeof name === 'string' ? name : '', field);
}

export function totpCode(fields: object): string {
  const code = ownField(fields, 'totp');
  if (typeof code !== 'string') throw new BadRequestException('totp is required and must be a string');
  return code;
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

/** A field of the body itself: what every object has, such as `constructor`, is none. */
function ownField(fields: object, name: string): unknown {
  return Object.hasOwn(fields, name) ? property(fields, name) : undefined;
}
