/**
 * Decides whether a code signs in or enrols a device: the rules of RFC 6238 §5.2 and ASVS 6.5.1, in the order in which they apply.
 *
 * The caller first asks which devices to compare the code with, compares it with every step of their windows, and then asks
 * for the decision. A locked user has no candidates, so no code is compared and no secret is opened during a lock.
 */
import { type Account, type Budget, type Device, FRESH_BUDGET, liveDevices, type Policy } from './account.js';
import { type AccountEvent, type Decision, type DecisionContext, unchanged } from './decision.js';
import { countedFailures, failuresLeft, isLocked, recordFailure, retryAfterMs } from './lockout.js';
import { type DeviceChangeContext, needsStepUp, STEP_UP_REQUIRED, type StepUpRequired } from './step-up.js';

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
}

export interface LimitReached {
  readonly status: 'LIMIT_REACHED_ERROR';
  /** How long to wait, in ms: from 1 to 86,400,000. */
  readonly retryAfterMs: number;
  readonly currentNumberOfFailedAttempts: number;
  readonly maxNumberOfFailedAttempts: number;
}

export type SignInAnswer =
  { readonly status: 'OK' } | { readonly status: 'UNKNOWN_USER_ID_ERROR' } | InvalidTotp | LimitReached;

export type EnrolmentAnswer =
  | { readonly status: 'OK'; readonly wasAlreadyVerified: boolean }
  | { readonly status: 'UNKNOWN_DEVICE_ERROR' }
  | InvalidTotp
  | LimitReached;

/** The devices whose codes sign in. */
export function signInCandidates(account: Account | null, now: number): readonly Device[] {
  if (account === null || isLocked(account.budget, now)) return [];
  return account.devices.filter((device) => device.verified);
}

/** What a sign-in code leads to, given how it compared with the `signInCandidates`. */
export function decideSignIn(
  account: Account | null,
  comparisons: readonly Comparison[],
  { now, policy }: DecisionContext,
): Decision<SignInAnswer> {
  if (account === null || liveDevices(account, now, policy).length === 0) {
    return unchanged({ status: 'UNKNOWN_USER_ID_ERROR' });
  }
  if (isLocked(account.budget, now)) return unchanged(limitReached(account.budget, now, policy));

  const accepted = comparisons.find(isFresh);
  if (accepted !== undefined) return accept(account, accepted, now);

  const replayed = comparisons.find(({ matchedSteps }) => matchedSteps.length > 0);
  if (replayed !== undefined) return replay(account, replayed.device, now, policy);

  return reject(account, now, policy);
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
  return liveDevices(account, now, policy).filter((device) => device.name === deviceName && !device.verified);
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
  if (device.verified) return unchanged({ status: 'OK', wasAlreadyVerified: true });
  if (isLocked(account.budget, now)) return unchanged(limitReached(account.budget, now, policy));

  const matched = comparisons.find(isFresh);
  if (matched === undefined) return reject(account, now, policy);

  const verified: Device = { ...matched.device, verified: true, usedUntil: endOfLatestStep(matched) };
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
function accept(account: Account, comparison: Comparison, now: number): Decision<SignInAnswer> {
  const { device, matchedSteps } = comparison;
  const currentStep = Math.floor(now / (device.period * 1000));
  return {
    answer: { status: 'OK' },
    account: {
      ...withDevice(account, { ...device, usedUntil: endOfLatestStep(comparison) }),
      budget: FRESH_BUDGET,
    },
    events: [
      {
        name: 'totp.code.accepted',
        deviceId: device.id,
        deviceName: device.name,
        stepOffset: Math.max(...matchedSteps) - currentStep,
      },
      ...unlockedByCode(account.budget),
    ],
  };
}

/** A replayed code is not a guess, so it does not count as a failure: a double click must not lead to a lock. */
function replay(account: Account, device: Device, now: number, policy: Policy): Decision<SignInAnswer> {
  return {
    answer: invalid(countedFailures(account.budget, now, policy), policy),
    account: null,
    events: [{ name: 'totp.code.replayed', deviceId: device.id }],
  };
}

function reject(account: Account, now: number, policy: Policy): Decision<InvalidTotp> {
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
  return { answer: invalid(counted, policy), account: { ...account, budget }, events };
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
