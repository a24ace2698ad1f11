/** The claims of a token that say how and when its session was authenticated. */

/** What completed a session: a code of an authenticator, or a recovery or temporary code. */
export type CompletionMethod = 'totp' | 'recovery-code';

export interface CompletionClaimsInput {
  readonly method: CompletionMethod;
  /** When the session completed TOTP, in epoch ms. */
  readonly completedAt: number;
  /** The methods of the first factor, as RFC 8176 §2 names them; default `['pwd']`. */
  readonly firstFactor?: readonly string[];
  /** The assurance level that your relying parties know, such as `urn:acme:aal2` (OpenID Connect Core §2). */
  readonly acr?: string;
}

export interface CompletionClaims {
  /** When the user was authenticated, in epoch seconds (OpenID Connect Core §2). */
  readonly auth_time: number;
  /** How: the first factor, `otp` for a code of an authenticator, and `mfa` (RFC 8176 §2). */
  readonly amr: string[];
  readonly acr?: string;
}

/**
 * The claims for a token of a session that has completed TOTP. `TotpClaimSessionAdapter` reads them.
 *
 * A recovery code is no `otp`, which RFC 8176 defines as a code of RFC 4226 or RFC 6238, so its `amr` has only the first factor and `mfa`.
 *
 * @example
 * jwt.sign({ sub: user.id, sid, ...completionClaims({ method: 'totp', completedAt: Date.now() }) });
 * // { sub, sid, auth_time: 1790000000, amr: ['pwd', 'otp', 'mfa'] }
 */
export function completionClaims({
  method,
  completedAt,
  firstFactor = ['pwd'],
  acr,
}: CompletionClaimsInput): CompletionClaims {
  return {
    auth_time: Math.floor(completedAt / 1_000),
    amr: [...firstFactor, ...(method === 'totp' ? ['otp'] : []), 'mfa'],
    ...(acr === undefined ? {} : { acr }),
  };
}
