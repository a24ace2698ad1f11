/** The settings of an authenticator, and the values that each may have. */

/** The HMAC hash functions that RFC 6238 §1.2 allows. */
export type Algorithm = 'SHA1' | 'SHA256' | 'SHA512';

export const ALGORITHMS = ['SHA1', 'SHA256', 'SHA512'] as const satisfies readonly Algorithm[];

/** The numbers of digits that a code may have. */
export const DIGITS = [6, 8] as const;

/** The range of a period, in seconds: a shorter period leaves too little time to type a code, a longer one keeps a code valid for too long. */
export const PERIOD_RANGE = [15, 300] as const;

/** The range of a skew, in steps: RFC 6238 §5.2 recommends at most one; two is for clocks that are not synchronised. */
export const SKEW_RANGE = [0, 2] as const;
