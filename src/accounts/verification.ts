/**
 * Decides whether a code signs in or enrols a device: the rules of RFC 6238 §5.2 and ASVS 6.5.1, in the order in which they apply.
 *
 * The caller first asks which devices to compare the code with, compares it with every step of their windows, and then asks
 * for the decision. A locked user has no candidates, so no code is compared and no secret is opened during a lock.
 */
import {
  type Account,
  type Budget,
  type Device,
  FRESH_BUDGET,
  isVerified,
  liveDevices,
  type Policy,
} from './account.js';
import { type AccountEvent, type Decision, type DecisionContext, unchanged } from './decision.js';
import { countedFailures, failuresLeft, isLocked, recordFailure, retryAfterMs } from './lockout.js';
import {
  type ActingSession,
  type DeviceChangeContext,
  needsStepUp,
  STEP_UP_REQUIRED,
  type StepUpRequired,
} from './step-up.js';
import { type NewTrustedBrowser, trust } from './trust.js';
import { countFailure, longRunFailures, needsTwoCodes } from './vigilance.js';

/** A device, and the steps of its window whose code is the entered code. */
export interface Comparison {
  readonly device: Device;
  readonly matchedSteps: readonly number[];
}

export interface InvalidTotp {
  readonly status: 'INVALID_TOTP_ERROR';
  /** Failures that count towards the next lock, this one included. */
  readonly currentNumberOfFailedAttempts: number;
  readonly maxNumberOfFailedAttempts: number;
  /**
   * True when the code was right, and the code that follows it is needed too, in the same session: there were many wrong codes
   * (RFC 4226 §7.4). Missing otherwise.
   */
  readonly nextCodeRequired?: true;
  /** True when the code was right and has been used already, and the call asked for this (`reportReplay`). Missing otherwise. */
  readonly replayed?: true;
}

export interface LimitReached {
  readonly status: 'LIMIT_REACHED_ERROR';
  /** How long to wait, in ms: from 1 to 86,400,000. */
  readonly retryAfterMs: number;
  /** Always present in the module's own answers. Optional, because SuperTokens' answers, and so overrides written for it, lack it. */
  readonly currentNumberOfFailedAttempts?: number;
  /** Likewise. */
  readonly maxNumberOfFailedAttempts?: number;
}

export type SignInAnswer =
  { readonly status: 'OK' } | { readonly status: 'UNKNOWN_USER_ID_ERROR' } | InvalidTotp | LimitReached;

export type EnrolmentAnswer =
  | { readonly status: 'OK'; readonly wasAlreadyVerified: boolean }
  | { readonly status: 'UNKNOWN_DEVICE_ERROR' }
  | InvalidTotp
  | LimitReached;

/** What a caller asks for besides the check of the code. */
export interface SignInRequest {
  /** A browser to trust from now on; undefined when the user did not ask for it. */
  readonly browser?: NewTrustedBrowser | undefined;
  /** Whether the answer tells a used code from a wrong one. */
  readonly reportReplay?: boolean | undefined;
}

/** The devices whose codes sign in. */
export function signInCandidates(account: Account | null, now: number): readonly Device[] {
  if (account === null || isLocked(account.budget, now)) return [];
  return account.devices.filter(isVerified);
}

/**
 * What a sign-in code leads to, given how it compared with the `signInCandidates`.
 *
 * @param context its session is the one that enters the code
 */
export function decideSignIn(
  account: Account | null,
  comparisons: readonly Comparison[],
  context: DeviceChangeContext,
  { browser, reportReplay = false }: SignInRequest = {},
): Decision<SignInAnswer> {
  const { now, policy } = context;
  if (account === null || liveDevices(account, now, policy).length === 0) {
    return unchanged({ status: 'UNKNOWN_USER_ID_ERROR' });
  }
  if (isLocked(account.budget, now)) return unchanged(limitReached(account.budget, now, policy));

  const fresh = comparisons.filter(isFresh);
  const [first] = fresh;
  if (first !== undefined) {
    if (!needsTwoCodes(account.vigilance, now, policy)) return accept(account, first, context, browser);
    const second = fresh.find((comparison) => isNextCode(account, comparison, context));
    return second === undefined ? askForNext(account, first, context) : accept(account, second, context, browser);
  }

  const replayed = comparisons.find(({ matchedSteps }) => matchedSteps.length > 0);
  if (replayed !== undefined) return replay(account, replayed.device, context, reportReplay);

  return reject(account, context);
}

/**
 * The device that a code may enrol. None when the device is unknown or already verified, the user is locked, or the session must
 * complete TOTP first.
 */
export function enrolmentCandidates(
  account: Account | null,
  deviceName: string,
  context: DeviceChangeContext,
): readonly Device[] {
  const { now, policy } = context;
  if (account === null || isLocked(account.budget, now)) return [];
  if (needsStepUp(account, { kind: 'enrol', deviceName }, context)) return [];
  return liveDevices(account, now, policy).filter((device) => device.name === deviceName && !isVerified(device));
}

/** What an enrolment code leads to, given how it compared with the `enrolmentCandidates`. */
export function decideEnrolment(
  account: Account | null,
  deviceName: string,
  comparisons: readonly Comparison[],
  context: DeviceChangeContext,
): Decision<EnrolmentAnswer | StepUpRequired> {
  const { now, policy } = context;
  if (needsStepUp(account, { kind: 'enrol', deviceName }, context)) return unchanged(STEP_UP_REQUIRED);
  const device = account && liveDevices(account, now, policy).find(({ name }) => name === deviceName);
  if (!account || !device) return unchanged({ status: 'UNKNOWN_DEVICE_ERROR' });
  if (isVerified(device)) return unchanged({ status: 'OK', wasAlreadyVerified: true });
  if (isLocked(account.budget, now)) return unchanged(limitReached(account.budget, now, policy));

  const matched = comparisons.find(isFresh);
  if (matched === undefined) return reject(account, context);

  const verified: Device = { ...matched.device, verifiedAt: now, usedUntil: endOfLatestStep(matched) };
  return {
    answer: { status: 'OK', wasAlreadyVerified: false },
    account: { ...withDevice(account, verified), budget: FRESH_BUDGET },
    events: [
      { name: 'totp.device.verified', deviceId: device.id, deviceName: device.name },
      ...unlockedByCode(account.budget),
    ],
  };
}

/** A match on a step that is later than every step accepted so far. */
function isFresh({ device, matchedSteps }: Comparison): boolean {
  return matchedSteps.some((step) => step * device.period * 1000 >= device.usedUntil);
}

/**
 * Accepting a code uses up its step. If the code is that of two steps of the window (a chance of one in a million), the later
 * step is used up, so that the same digits are not accepted twice.
 */
function accept(
  account: Account,
  comparison: Comparison,
  context: DecisionContext,
  browser: NewTrustedBrowser | undefined,
): Decision<SignInAnswer> {
  const { now } = context;
  const { device, matchedSteps } = comparison;
  const currentStep = Math.floor(now / (device.period * 1000));
  const used: Device = { ...device, usedUntil: endOfLatestStep(comparison), lastUsedAt: now };
  const signedIn: Account = {
    ...withDevice(account, used),
    budget: FRESH_BUDGET,
    vigilance: { ...account.vigilance, firstCode: null },
  };
  const trusted = trust(signedIn, browser, context);
  return {
    answer: { status: 'OK' },
    account: trusted.account,
    events: [
      {
        name: 'totp.code.accepted',
        deviceId: device.id,
        deviceName: device.name,
        stepOffset: Math.max(...matchedSteps) - currentStep,
      },
      ...unlockedByCode(account.budget),
      ...trusted.events,
    ],
  };
}

/** Whether a code is that of the step after the first code, of the same device and entered in the same session. */
function isNextCode(account: Account, { device, matchedSteps }: Comparison, { session }: DeviceChangeContext): boolean {
  const { firstCode } = account.vigilance;
  return (
    firstCode !== null &&
    firstCode.deviceId === device.id &&
    firstCode.sessionHandle === handleOf(session) &&
    matchedSteps.includes(firstCode.step + 1)
  );
}

/**
 * Uses up the step of a right code that is not enough to sign in. The answer is that of a wrong code, with a hint: front ends
 * that do not know the hint ask for a code again, and the next one completes the sign-in. Nothing is counted.
 */
function askForNext(account: Account, comparison: Comparison, context: DeviceChangeContext): Decision<SignInAnswer> {
  const { now, policy, session } = context;
  const { device, matchedSteps } = comparison;
  const firstCode = { deviceId: device.id, step: Math.max(...matchedSteps), sessionHandle: handleOf(session) };
  return {
    answer: { ...invalid(countedFailures(account.budget, now, policy), policy), nextCodeRequired: true },
    account: {
      ...withDevice(account, { ...device, usedUntil: endOfLatestStep(comparison) }),
      vigilance: { ...account.vigilance, firstCode },
    },
    events: [],
  };
}

function handleOf(session: ActingSession | undefined): string | null {
  return session?.handle ?? null;
}

/**
 * A replayed code is not a guess, so it does not count as a failure: a double click must not lead to a lock. If it is the first of
 * two codes, it is still waiting for the next one.
 */
function replay(
  account: Account,
  device: Device,
  { now, policy, session }: DeviceChangeContext,
  reportReplay: boolean,
): Decision<SignInAnswer> {
  const { firstCode } = account.vigilance;
  const isFirst = firstCode?.deviceId === device.id && firstCode.sessionHandle === handleOf(session);
  return {
    answer: {
      ...invalid(countedFailures(account.budget, now, policy), policy),
      ...(isFirst ? { nextCodeRequired: true } : {}),
      ...(reportReplay ? { replayed: true } : {}),
    },
    account: null,
    events: [{ name: 'totp.code.replayed', deviceId: device.id }],
  };
}

function reject(account: Account, { now, policy, session }: DeviceChangeContext): Decision<InvalidTotp> {
  const { budget, counted, started } = recordFailure(account.budget, now, policy);
  const events: AccountEvent[] = [
    { name: 'totp.code.rejected', failures: counted, failuresLeft: failuresLeft(budget, now, policy) },
  ];
  if (started !== null) {
    events.push({
      name: 'totp.user.locked',
      until: started.until,
      lockNumber: started.number,
      failures: budget.failures,
    });
  }
  const vigilance = countFailure(account.vigilance, handleOf(session), now, policy);
  if (needsTwoCodes(vigilance, now, policy) && !needsTwoCodes(account.vigilance, now, policy)) {
    events.push({ name: 'totp.user.suspected', failures: longRunFailures(vigilance, now, policy) });
  }
  return { answer: invalid(counted, policy), account: { ...account, budget, vigilance }, events };
}

function invalid(failures: number, policy: Policy): InvalidTotp {
  return {
    status: 'INVALID_TOTP_ERROR',
    currentNumberOfFailedAttempts: failures,
    maxNumberOfFailedAttempts: policy.maxFailures,
  };
}

function limitReached(budget: Budget, now: number, policy: Policy): LimitReached {
  return {
    status: 'LIMIT_REACHED_ERROR',
    retryAfterMs: retryAfterMs(budget, now, policy),
    currentNumberOfFailedAttempts: countedFailures(budget, now, policy),
    maxNumberOfFailedAttempts: policy.maxFailures,
  };
}

function unlockedByCode(budget: Budget): readonly AccountEvent[] {
  return budget.lock === null ? [] : [{ name: 'totp.user.unlocked', reason: 'expired' }];
}

function endOfLatestStep({ device, matchedSteps }: Comparison): number {
  return (Math.max(...matchedSteps) + 1) * device.period * 1000;
}

function withDevice(account: Account, changed: Device): Account {
  return { ...account, devices: account.devices.map((device) => (device.id === changed.id ? changed : device)) };
}
