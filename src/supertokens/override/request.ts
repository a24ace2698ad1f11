/** The request and the response as an override of SuperTokens' APIs reads them: Express' or Fastify's, under SuperTokens' names. */
import { HttpException } from '@nestjs/common';
import { cookieValue } from '../../sessions/trust-token.js';
import { TotpConfigurationError } from '../../shared/errors.js';
import { property, textProperty } from '../../shared/unknown.js';

/** SuperTokens' `BaseRequest`. */
export class SuperTokensRequest {
  readonly wrapperUsed = true;

  /** @param original the platform's own request: Express' or Fastify's */
  constructor(readonly original: unknown) {}

  getMethod(): string {
    return textProperty(this.original, 'method')?.toLowerCase() ?? '';
  }

  getOriginalURL(): string {
    return textProperty(this.original, 'originalUrl') ?? textProperty(this.original, 'url') ?? '';
  }

  getHeaderValue(name: string): string | undefined {
    const value = property(property(this.original, 'headers'), name.toLowerCase());
    return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : undefined;
  }

  getCookieValue(name: string): string | undefined {
    const value = cookieValue(this.getHeaderValue('cookie') ?? '', name);
    return value === undefined ? undefined : decoded(value);
  }

  getKeyValueFromQuery(name: string): string | undefined {
    const value = property(property(this.original, 'query'), name);
    return typeof value === 'string' ? value : undefined;
  }

  getJSONBody(): Promise<unknown> {
    return Promise.resolve(property(this.original, 'body') ?? {});
  }

  getFormData(): Promise<unknown> {
    return this.getJSONBody();
  }

  getBodyAsJSONOrFormData(): Promise<unknown> {
    return this.getJSONBody();
  }
}

/**
 * Puts SuperTokens' wrapper of the request where its overrides look for it: `userContext._default.request`. In place, because an override
 * may recognize the context as the same object.
 */
export function wrapRequest(userContext: Record<string, unknown>): void {
  const request = property(userContext._default, 'request');
  if (request === undefined || request instanceof SuperTokensRequest) return;
  userContext._default = Object.assign({}, userContext._default, { request: new SuperTokensRequest(request) });
}

/** The platform's own request of a `userContext`; undefined outside of a request. */
export function platformRequestOf(userContext: Record<string, unknown>): unknown {
  const request = property(userContext._default, 'request');
  return request instanceof SuperTokensRequest ? request.original : request;
}

/** SuperTokens' `BaseResponse`. */
export class SuperTokensResponse {
  readonly wrapperUsed = true;
  private status = 200;
  private sent: { readonly body: unknown } | undefined;

  /** @param original the platform's own response: Express' or Fastify's */
  constructor(readonly original: unknown) {}

  /** @param allowDuplicateKey whether the value is added to those that the header already has */
  setHeader(name: string, value: string, allowDuplicateKey: boolean): void {
    const earlier = allowDuplicateKey ? this.call('getHeader', name) : undefined;
    // Fastify adds each further cookie by itself.
    const addsItself = name.toLowerCase() === 'set-cookie' && property(this.original, 'sent') !== undefined;
    this.call('header', name, earlier === undefined || addsItself ? value : [earlier, value].flat());
  }

  removeHeader(name: string): void {
    this.call('removeHeader', name);
  }

  /** @param expires epoch ms */
  setCookie(
    name: string,
    value: string,
    domain: string | undefined,
    secure: boolean,
    httpOnly: boolean,
    expires: number,
    path: string,
    sameSite: 'strict' | 'lax' | 'none',
  ): void {
    const attributes = [
      `${name}=${encodeURIComponent(value)}`,
      `Path=${path}`,
      ...(domain === undefined ? [] : [`Domain=${domain}`]),
      `Expires=${new Date(expires).toUTCString()}`,
      ...(httpOnly ? ['HttpOnly'] : []),
      ...(secure ? ['Secure'] : []),
      `SameSite=${sameSite}`,
    ];
    this.setHeader('Set-Cookie', attributes.join('; '), true);
  }

  /** Takes effect with `sendJSONResponse`, as in SuperTokens. */
  setStatusCode(status: number): void {
    this.status = status;
  }

  /** Answers the request in place of what the override returns. The first call counts. */
  sendJSONResponse(body: unknown): void {
    this.sent ??= { body };
  }

  sendHTMLResponse(): never {
    throw new TotpConfigurationError(
      'TotpModule: an override called res.sendHTMLResponse(). The TOTP routes answer with JSON: call res.sendJSONResponse(…).',
    );
  }

  /**
   * What the route answers.
   *
   * @param answer what the override returned
   * @throws HttpException for a status other than 200
   */
  finalAnswer<Answer>(answer: Answer): Answer {
    if (this.sent === undefined) return answer;
    // Also for a status of success: it is how a handler of Nest answers with a status of its own.
    throw new HttpException(this.sent.body instanceof Object ? this.sent.body : String(this.sent.body), this.status);
  }

  /** Express' response and Fastify's reply have these methods in common. */
  private call(method: 'header' | 'getHeader' | 'removeHeader', ...values: unknown[]): unknown {
    const own = property(this.original, method);
    return typeof own === 'function' ? Reflect.apply(own, this.original, values) : undefined;
  }
}

function decoded(cookie: string): string {
  try {
    return decodeURIComponent(cookie);
  } catch {
    return cookie;
  }
}
