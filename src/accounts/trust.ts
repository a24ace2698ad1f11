/**
 * Which browsers need not enter a code for some time.
 *
 * A trusted browser counts as having completed TOTP at the time at which its code was entered. That satisfies routes that ask for a
 * second factor, and not those that ask for a recent one (ASVS 7.5.1). Whatever may mean that a browser is in other hands ends all trust.
 */
import type { Account, Policy, TrustedBrowser } from './account.js';
import { type AccountEvent, type Decision, type DecisionContext, type ForgottenReason, unchanged } from './decision.js';
import { type DeviceChangeContext, needsStepUp, STEP_UP_REQUIRED, type StepUpRequired } from './step-up.js';

const DAY_MS = 86_400_000;

/** A browser to trust: what is stored of its token, and how it named itself. */
export type NewTrustedBrowser = Pick<TrustedBrowser, 'id' | 'tokenHash' | 'userAgent'>;

/** A trusted browser as lists show it. */
export interface TrustedBrowserSummary {
  readonly id: string;
  /** When its code was entered, in epoch ms. */
  readonly createdAt: number;
  /** In epoch ms, exact to a day. */
  readonly lastUsedAt: number;
  /** Epoch ms. */
  readonly expiresAt: number;
  /** As the browser named itself; null when it did not. */
  readonly userAgent: string | null;
}

export interface ForgetAnswer {
  readonly status: 'OK';
  /** How many browsers were trusted, and now are not. */
  readonly forgotten: number;
}

export type TrustAnswer =
  | {
      readonly status: 'OK';
      readonly browserId: string;
      /** When its code was entered, in epoch ms. */ readonly completedAt: number;
    }
  | { readonly status: 'UNKNOWN_BROWSER_ERROR' };

/** An account after a rule, and what the rule reports about it. */
interface Change {
  readonly account: Account;
  readonly events: readonly AccountEvent[];
}

/**
 * The browsers that are trusted at `now`. A shorter `trustLifetimeMs` applies to those that are already trusted, and so does
 * switching trust off.
 */
function trustedBrowsers(account: Account | null, { now, policy }: DecisionContext): readonly TrustedBrowser[] {
  if (account === null || policy.maxTrustedBrowsers === 0) return [];
  return account.trustedBrowsers.filter((browser) => now < expiryOf(browser, policy));
}

export function browserSummaries(account: Account | null, context: DecisionContext): TrustedBrowserSummary[] {
  return trustedBrowsers(account, context).map((browser) => ({
    id: browser.id,
    createdAt: browser.createdAt,
    lastUsedAt: browser.lastUsedAt,
    expiresAt: expiryOf(browser, context.policy),
    userAgent: browser.userAgent,
  }));
}

/** Trusts the browser in which a code was just accepted. The oldest are forgotten when there are too many. */
export function trust(account: Account, browser: NewTrustedBrowser | undefined, context: DecisionContext): Change {
  const { now, policy } = context;
  if (browser === undefined || policy.maxTrustedBrowsers === 0) return { account, events: [] };
  const expiresAt = now + policy.trustLifetimeMs;
  const all = [...trustedBrowsers(account, context), { ...browser, createdAt: now, lastUsedAt: now, expiresAt }];
  const [forgotten, kept] = [all.slice(0, -policy.maxTrustedBrowsers), all.slice(-policy.maxTrustedBrowsers)];
  return {
    account: { ...account, trustedBrowsers: kept },
    events: [
      ...forgottenEvents(forgotten, 'limit'),
      { name: 'totp.browser.trusted', browserId: browser.id, expiresAt },
    ],
  };
}

/** Whether a token is that of a trusted browser. Its use is noted at most once a day, so that a request usually writes nothing. */
export function decideTrust(
  account: Account | null,
  tokenHash: string,
  context: DecisionContext,
): Decision<TrustAnswer> {
  const { now } = context;
  const browser = trustedBrowsers(account, context).find((one) => one.tokenHash === tokenHash);
  if (account === null || browser === undefined) return unchanged({ status: 'UNKNOWN_BROWSER_ERROR' });
  const answer = { status: 'OK', browserId: browser.id, completedAt: browser.createdAt } as const;
  if (now - browser.lastUsedAt < DAY_MS) return unchanged(answer);
  const used = { ...browser, lastUsedAt: now };
  return {
    answer,
    account: {
      ...account,
      trustedBrowsers: account.trustedBrowsers.map((one) => (one.id === browser.id ? used : one)),
    },
    events: [],
  };
}

/** Forgets one trusted browser, or all of them. A session needs a recent code for it: the password alone must not end trust. */
export function decideForget(
  account: Account | null,
  id: string | undefined,
  context: DeviceChangeContext,
): Decision<ForgetAnswer | StepUpRequired> {
  if (needsStepUp(account, { kind: 'forget-browsers' }, context)) return unchanged(STEP_UP_REQUIRED);
  const forgotten = account?.trustedBrowsers.filter((browser) => id === undefined || browser.id === id) ?? [];
  if (account === null || forgotten.length === 0) return unchanged({ status: 'OK', forgotten: 0 });
  return {
    answer: { status: 'OK', forgotten: forgotten.length },
    account: { ...account, trustedBrowsers: account.trustedBrowsers.filter((browser) => !forgotten.includes(browser)) },
    events: forgottenEvents(forgotten, 'manual'),
  };
}

/** Ends the trust in every browser. */
export function forgetBrowsers(account: Account, reason: ForgottenReason): Change {
  return {
    account: { ...account, trustedBrowsers: [] },
    events: forgottenEvents(account.trustedBrowsers, reason),
  };
}

function expiryOf({ createdAt, expiresAt }: TrustedBrowser, policy: Policy): number {
  return Math.min(expiresAt, createdAt + policy.trustLifetimeMs);
}

function forgottenEvents(browsers: readonly TrustedBrowser[], reason: ForgottenReason): AccountEvent[] {
  if (browsers.length === 0) return [];
  return [{ name: 'totp.browser.forgotten', browserIds: browsers.map(({ id }) => id), reason }];
}
