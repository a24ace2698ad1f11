/**
 * How the token of a trusted browser travels: in a cookie, or, for clients without cookies, in the answer and then in a header.
 */
import type { TotpConfig, TrustCookie } from '../recipe/config.js';
import type { TotpService } from '../recipe/totp.service.js';
import { property, textProperty } from '../shared/unknown.js';

/** A client that keeps the token itself sends this header: first with the value `token`, to get one; then with the token. */
const TRUST_HEADER = 'x-totp-trust';
const ASKS_FOR_TOKEN = 'token';

/** The token that a request brings; undefined without one. The header comes first: a client that sends it means it. */
function trustTokenOf(request: unknown, cookie: TrustCookie): string | undefined {
  const headers = property(request, 'headers');
  const header = textProperty(headers, TRUST_HEADER);
  if (header !== undefined && header !== ASKS_FOR_TOKEN) return header;
  return cookieValue(textProperty(headers, 'cookie') ?? '', cookie.name);
}

/** When the browser of a request came to be trusted by a user, in epoch ms; undefined when it is not. */
export async function trustedSince(
  totp: TotpService,
  config: TotpConfig,
  request: unknown,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string },
): Promise<number | undefined> {
  if (config.policy.maxTrustedBrowsers === 0) return undefined;
  const trustToken = trustTokenOf(request, config.trustCookie);
  if (trustToken === undefined) return undefined;
  const answer = await totp.verifyTrustedBrowser({ userId, tenantId, trustToken });
  return answer.status === 'OK' ? answer.completedAt : undefined;
}

/** Whether the client keeps the token itself, instead of in a cookie. */
export function keepsTokenItself(request: unknown): boolean {
  return textProperty(property(request, 'headers'), TRUST_HEADER) !== undefined;
}

/**
 * The `Set-Cookie` header for a token (RFC 6265 §4.1). Scripts cannot read it, and other sites cannot have it sent with their
 * requests, except by a link to the application (ASVS 3.3.1 to 3.3.4). Over TLS, it is sent over TLS only.
 *
 * @param request tells whether it came over TLS: behind a proxy, this takes the platform's `trust proxy` setting
 * @param lifetimeMs how long the browser is trusted
 */
export function trustCookie(request: unknown, token: string, lifetimeMs: number, cookie: TrustCookie): string {
  return [
    `${cookie.name}=${token}`,
    `Path=${cookie.path}`,
    ...(cookie.domain === undefined ? [] : [`Domain=${cookie.domain}`]),
    `Max-Age=${String(Math.floor(lifetimeMs / 1_000))}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(property(request, 'protocol') === 'https' ? ['Secure'] : []),
  ].join('; ');
}

/** The value of a cookie (RFC 6265 §4.2); of several with the name, the first. */
export function cookieValue(header: string, name: string): string | undefined {
  const pair = header.split(';').find((part) => part.trim().startsWith(`${name}=`));
  const value = pair?.trim().slice(name.length + 1);
  return value === '' ? undefined : value;
}
