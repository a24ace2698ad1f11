/** Accounts as plain values, for tests of the rules: each field has a plain default that a test overrides. */
import { type Account, type Budget, type Device, NEW_ACCOUNT, type Policy } from '../../src/accounts/account.js';
import type { DeviceChangeContext } from '../../src/accounts/step-up.js';
import type { NewDevice } from '../../src/accounts/enrolment.js';
import { checkOptions } from '../../src/module/check-options.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A time at which a step of every usual period begins. */
export const NOW = Date.UTC(2026, 0, 1);

/** The module's defaults. */
export const policy: Policy = checkOptions({ issuer: 'Acme' }).policy;

/** What rules depend on besides the account: at `NOW`, on the application's own authority. */
export const context: DeviceChangeContext = { now: NOW, policy, session: undefined };

/** A verified device, no code of which was accepted yet. */
export function device({ verified = true, ...fields }: Partial<Device> & { readonly verified?: boolean } = {}): Device {
  const name = fields.name ?? 'phone';
  const { createdAt = NOW } = fields;
  return {
    ...newDevice(),
    id: `id of ${name}`,
    name,
    verifiedAt: verified ? createdAt : null,
    lastUsedAt: null,
    usedUntil: 0,
    ...fields,
  };
}

export function newDevice(fields: Partial<NewDevice> = {}): NewDevice {
  return {
    id: 'id of the new device',
    sealedSecret: 'sealed',
    algorithm: 'SHA1',
    digits: 6,
    period: 30,
    skew: 1,
    createdAt: NOW,
    ...fields,
  };
}

export function account(devices: readonly Device[], fields: Partial<Omit<Account, 'devices'>> = {}): Account {
  return { ...NEW_ACCOUNT, devices, ...fields };
}

/** A budget whose first lock runs until a time. */
export function lockedUntil(until: number | null, number = 1): Budget {
  return { failures: 5 * number, recentFailures: [], lock: { number, until } };
}

/** The account that a decision leaves behind. */
export function after(decision: { readonly account: Account | 'erased' | null }): Account {
  if (decision.account === null) throw new Error('The decision changed nothing.');
  if (decision.account === 'erased') throw new Error('The decision erased the account.');
  return decision.account;
}
