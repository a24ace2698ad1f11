/** Creates, imports, renames and removes devices. */
import { type Account, type Device, isVerified, liveDevices, NEW_ACCOUNT } from './account.js';
import { type Decision, type DecisionContext, unchanged } from './decision.js';
import { type DeviceChangeContext, needsStepUp, STEP_UP_REQUIRED, type StepUpRequired } from './step-up.js';
import { forgetBrowsers } from './trust.js';

/** The longest name of a device, in characters. */
const MAX_DEVICE_NAME_LENGTH = 256;

/** A device before it has a name: what `createDevice` and `importDevice` build from the settings and the secret. */
export type NewDevice = Omit<Device, 'name' | 'verifiedAt' | 'lastUsedAt' | 'usedUntil'>;

export type CreateAnswer =
  | {
      readonly status: 'OK';
      readonly deviceName: string;
      /** Present when an unverified device had the name: its QR code stops working. */
      readonly replaced?: true;
    }
  | { readonly status: 'DEVICE_ALREADY_EXISTS_ERROR' }
  | { readonly status: 'DEVICE_LIMIT_REACHED_ERROR'; readonly maxDevices: number };

/** The same creation was made before: this device is its result, and nothing has verified it since. */
export interface SameCreation {
  readonly status: 'SAME_CREATION';
  readonly device: Device;
}

export type ImportAnswer =
  | CreateAnswer
  /** A verified device of the user, the one named here, has the same secret. */
  | { readonly status: 'SECRET_ALREADY_EXISTS_ERROR'; readonly deviceName: string }
  /** The secret of the user's device named here cannot be decrypted, so it may be the same. */
  | { readonly status: 'UNREADABLE_DEVICE_ERROR'; readonly deviceName: string };

/** A verified device whose secret is the one to import, or cannot be decrypted and may be the same. */
export interface DuplicateSecret {
  readonly kind: 'same' | 'unreadable';
  readonly device: Device;
}

export interface RenameAnswer {
  readonly status: 'OK' | 'UNKNOWN_DEVICE_ERROR' | 'DEVICE_ALREADY_EXISTS_ERROR';
}

export interface RemoveAnswer {
  readonly status: 'OK';
  readonly didDeviceExist: boolean;
}

/**
 * What is wrong with a device's name, as a message for the person who chose it; undefined when the name is valid.
 *
 * Control characters and line separators would break lists and logs. An unpaired surrogate cannot be stored.
 *
 * @param field what the message calls the name
 */
export function deviceNameProblem(name: string, field = 'deviceName'): string | undefined {
  if (name === '') return `${field} is required and must be a non-empty string`;
  // A character has at most two UTF-16 units, so a much longer string need not be split to be counted.
  if (name.length > 2 * MAX_DEVICE_NAME_LENGTH || Array.from(name).length > MAX_DEVICE_NAME_LENGTH) {
    return `${field} must not be longer than ${String(MAX_DEVICE_NAME_LENGTH)} characters`;
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)) return `${field} must not contain control characters`;
  return undefined;
}

/**
 * Adds a device that its first code will verify. It replaces an unverified device of the same name.
 *
 * @param device a device with an id that one of the user's devices has is the same creation, made twice
 */
export function decideCreate(
  account: Account | null,
  deviceName: string | undefined,
  device: NewDevice,
  context: DeviceChangeContext,
): Decision<CreateAnswer | SameCreation | StepUpRequired> {
  if (needsStepUp(account, { kind: 'create' }, context)) return unchanged(STEP_UP_REQUIRED);
  const same = account && liveDevices(account, context.now, context.policy).find(({ id }) => id === device.id);
  if (same) {
    const isRenamed = deviceName !== undefined && deviceName !== same.name;
    if (isVerified(same) || isRenamed) return unchanged({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });
    return unchanged({ status: 'SAME_CREATION', device: same });
  }
  return add(account, { ...device, verifiedAt: null, lastUsedAt: null, usedUntil: 0 }, deviceName, context);
}

/**
 * Adds a device whose secret the user already holds.
 *
 * Its secret may be that of a device that was just removed. The new device therefore takes over the `usedUntil` of removed
 * devices, so that removing and importing a secret does not make a used code valid again (RFC 6238 §5.2). The account does not
 * record which secret was removed, so the current code of a different secret is also treated as a replay; its next code is not.
 *
 * Two devices with one secret would each accept the same code once, so a user may have a secret only once.
 *
 * @param duplicate the user's verified device with the same secret, or else one whose secret cannot be decrypted
 */
export function decideImport(
  account: Account | null,
  deviceName: string | undefined,
  device: NewDevice,
  duplicate: DuplicateSecret | undefined,
  context: DecisionContext,
): Decision<ImportAnswer> {
  if (duplicate !== undefined) {
    const status = duplicate.kind === 'same' ? 'SECRET_ALREADY_EXISTS_ERROR' : 'UNREADABLE_DEVICE_ERROR';
    return unchanged({ status, deviceName: duplicate.device.name });
  }
  const usedUntil = account?.usedUntil ?? 0;
  return add(account, { ...device, verifiedAt: context.now, lastUsedAt: null, usedUntil }, deviceName, context);
}

function add(
  account: Account | null,
  device: Omit<Device, 'name'>,
  requestedName: string | undefined,
  { now, policy }: DecisionContext,
): Decision<CreateAnswer> {
  const before = account ?? NEW_ACCOUNT;
  const live = liveDevices(before, now, policy);
  const name = requestedName ?? nextDefaultName(live);
  const namesake = live.find((existing) => existing.name === name);
  if (namesake && isVerified(namesake)) return unchanged({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });

  const others = live.filter((existing) => existing !== namesake);
  if (others.length >= policy.maxDevices) {
    return unchanged({ status: 'DEVICE_LIMIT_REACHED_ERROR', maxDevices: policy.maxDevices });
  }
  return {
    answer: { status: 'OK', deviceName: name, ...(namesake && { replaced: true }) },
    account: { ...before, devices: [...others, { ...device, name }] },
    events: [
      {
        name: 'totp.device.created',
        deviceId: device.id,
        deviceName: name,
        imported: device.verifiedAt !== null,
        replaced: namesake !== undefined,
      },
    ],
  };
}

/** `TOTP Device N`, from the number of verified devices up, until no verified device has the name. */
function nextDefaultName(live: readonly Device[]): string {
  const verified = live.filter(isVerified);
  for (let n = verified.length; ; n++) {
    const name = `TOTP Device ${String(n)}`;
    if (!verified.some((device) => device.name === name)) return name;
  }
}

/** Renames a device, unless another device has the new name. */
export function decideRename(
  account: Account | null,
  from: string,
  to: string,
  context: DeviceChangeContext,
): Decision<RenameAnswer | StepUpRequired> {
  if (needsStepUp(account, { kind: 'rename' }, context)) return unchanged(STEP_UP_REQUIRED);
  const before = account ?? NEW_ACCOUNT;
  const live = liveDevices(before, context.now, context.policy);
  const device = live.find(({ name }) => name === from);
  if (device === undefined) return unchanged({ status: 'UNKNOWN_DEVICE_ERROR' });
  if (from === to) return unchanged({ status: 'OK' });
  if (live.some(({ name }) => name === to)) return unchanged({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });
  return {
    answer: { status: 'OK' },
    account: { ...before, devices: live.map((other) => (other === device ? { ...device, name: to } : other)) },
    events: [{ name: 'totp.device.renamed', deviceId: device.id, from, to }],
  };
}

/**
 * Removes a device. The budget and a lock stay, even when the last device is removed. With a verified device, the trust in every
 * browser ends: someone who has the device may have the browser too.
 */
export function decideRemove(
  account: Account | null,
  deviceName: string,
  context: DeviceChangeContext,
): Decision<RemoveAnswer | StepUpRequired> {
  if (needsStepUp(account, { kind: 'remove', deviceName }, context)) return unchanged(STEP_UP_REQUIRED);
  const before = account ?? NEW_ACCOUNT;
  const live = liveDevices(before, context.now, context.policy);
  const device = live.find(({ name }) => name === deviceName);
  if (device === undefined) return unchanged({ status: 'OK', didDeviceExist: false });
  const devices = live.filter((other) => other !== device);
  const removed: Account = { ...before, devices, usedUntil: Math.max(before.usedUntil, device.usedUntil) };
  const { account: remaining, events } = isVerified(device)
    ? forgetBrowsers(removed, 'device-removed')
    : { account: removed, events: [] };
  return {
    answer: { status: 'OK', didDeviceExist: true },
    account: remaining,
    events: [
      {
        name: 'totp.device.removed',
        deviceId: device.id,
        deviceName,
        wasVerified: isVerified(device),
        devicesLeft: devices.length,
      },
      ...events,
    ],
  };
}
