/** The events that the module tells other modules of: a class each, named as they are emitted. */
import { randomUUID } from 'node:crypto';
import type { AccountEvent, UnlockReason } from '../accounts/decision.js';

/** Whose event it is, and when it happened. */
export interface EventOrigin {
  /** Epoch ms. */
  readonly occurredAt: number;
  readonly userId: string;
  readonly tenantId: string;
  /** The session that asked; undefined when the application called `TotpService` by itself. */
  readonly sessionHandle?: string | undefined;
}

/** What an event tells beside its origin. */
type Fields<Name extends AccountEvent['name']> = Omit<Extract<AccountEvent, { name: Name }>, 'name'>;

/**
 * What every event has. No event ever contains a secret, a code, a key URI or a QR picture.
 *
 * Events are emitted after the change that they report is committed.
 */
export abstract class TotpEvent<Name extends AccountEvent['name'] = AccountEvent['name']> {
  abstract readonly name: Name;
  /** The version of the event's fields. */
  readonly version = 1;
  /**
   * A UUID of its own: whoever hears of an event more than once knows it by this.
   *
   * @format uuid
   */
  readonly id: string = randomUUID();
  /** Epoch ms. */
  readonly occurredAt: number;
  readonly userId: string;
  readonly tenantId: string;
  /** The session that asked; missing when the application called `TotpService` by itself. */
  readonly sessionHandle?: string | undefined;

  constructor(origin: EventOrigin, fields: Fields<Name>) {
    this.occurredAt = origin.occurredAt;
    this.userId = origin.userId;
    this.tenantId = origin.tenantId;
    this.sessionHandle = origin.sessionHandle;
    Object.assign(this, fields);
  }
}

/** A device was created, or imported. */
export class TotpDeviceCreatedEvent extends TotpEvent<'totp.device.created'> implements Fields<'totp.device.created'> {
  readonly name = 'totp.device.created';
  declare readonly deviceId: string;
  declare readonly deviceName: string;
  /** Whether it came with a secret that the user already had; it is verified then. */
  declare readonly imported: boolean;
  /** Whether it took the place of an unverified device of the same name. */
  declare readonly replaced: boolean;
}

/** A device was newly verified: exactly once per device. */
export class TotpDeviceVerifiedEvent
  extends TotpEvent<'totp.device.verified'>
  implements Fields<'totp.device.verified'>
{
  readonly name = 'totp.device.verified';
  declare readonly deviceId: string;
  declare readonly deviceName: string;
}

/** A device got another name. */
export class TotpDeviceRenamedEvent extends TotpEvent<'totp.device.renamed'> implements Fields<'totp.device.renamed'> {
  readonly name = 'totp.device.renamed';
  declare readonly deviceId: string;
  declare readonly from: string;
  declare readonly to: string;
}

/** A device was removed. */
export class TotpDeviceRemovedEvent extends TotpEvent<'totp.device.removed'> implements Fields<'totp.device.removed'> {
  readonly name = 'totp.device.removed';
  declare readonly deviceId: string;
  declare readonly deviceName: string;
  declare readonly wasVerified: boolean;
  /** Devices that the user still has, unverified ones included. */
  declare readonly devicesLeft: number;
}

/** A code signed in. */
export class TotpCodeAcceptedEvent extends TotpEvent<'totp.code.accepted'> implements Fields<'totp.code.accepted'> {
  readonly name = 'totp.code.accepted';
  declare readonly deviceId: string;
  declare readonly deviceName: string;
  /** Steps that the authenticator's clock was off: 0, or up to the skew before (-) or after (+). */
  declare readonly stepOffset: number;
}

/** A wrong code was counted. */
export class TotpCodeRejectedEvent extends TotpEvent<'totp.code.rejected'> implements Fields<'totp.code.rejected'> {
  readonly name = 'totp.code.rejected';
  /** Failures that count towards the next lock, this one included. */
  declare readonly failures: number;
  /** Further failures until a lock starts. */
  declare readonly failuresLeft: number;
}

/** A right code was entered that had been used already. */
export class TotpCodeReplayedEvent extends TotpEvent<'totp.code.replayed'> implements Fields<'totp.code.replayed'> {
  readonly name = 'totp.code.replayed';
  declare readonly deviceId: string;
}

/** A lock started: exactly once per lock, whichever process saw it. */
export class TotpUserLockedEvent extends TotpEvent<'totp.user.locked'> implements Fields<'totp.user.locked'> {
  readonly name = 'totp.user.locked';
  /** When it ends, in epoch ms; null for a hard lock, which `unlockUser` alone ends. */
  declare readonly until: number | null;
  /** Which lock of the present failure streak it is, from 1. */
  declare readonly lockNumber: number;
  /** Failures in a row. */
  declare readonly failures: number;
}

/** A lock is over: by `unlockUser`, or by the first code accepted after it had run out. */
export class TotpUserUnlockedEvent extends TotpEvent<'totp.user.unlocked'> implements Fields<'totp.user.unlocked'> {
  readonly name = 'totp.user.unlocked';
  declare readonly reason: UnlockReason;
}

/** The class of each event, by its name. */
export interface TotpEventMap {
  'totp.device.created': TotpDeviceCreatedEvent;
  'totp.device.verified': TotpDeviceVerifiedEvent;
  'totp.device.renamed': TotpDeviceRenamedEvent;
  'totp.device.removed': TotpDeviceRemovedEvent;
  'totp.code.accepted': TotpCodeAcceptedEvent;
  'totp.code.rejected': TotpCodeRejectedEvent;
  'totp.code.replayed': TotpCodeReplayedEvent;
  'totp.user.locked': TotpUserLockedEvent;
  'totp.user.unlocked': TotpUserUnlockedEvent;
}

/** Any of the module's events, told apart by `name`. */
export type AnyTotpEvent = TotpEventMap[keyof TotpEventMap];

const PROTOTYPES: ReadonlyMap<string, object> = new Map(
  Object.entries({
    'totp.device.created': TotpDeviceCreatedEvent.prototype,
    'totp.device.verified': TotpDeviceVerifiedEvent.prototype,
    'totp.device.renamed': TotpDeviceRenamedEvent.prototype,
    'totp.device.removed': TotpDeviceRemovedEvent.prototype,
    'totp.code.accepted': TotpCodeAcceptedEvent.prototype,
    'totp.code.rejected': TotpCodeRejectedEvent.prototype,
    'totp.code.replayed': TotpCodeReplayedEvent.prototype,
    'totp.user.locked': TotpUserLockedEvent.prototype,
    'totp.user.unlocked': TotpUserUnlockedEvent.prototype,
  } satisfies TotpEventMap),
);

/** An event that was kept as JSON; undefined when it is none. */
export function readEvent(json: string): AnyTotpEvent | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Gives the fields of an event back the class that they are of. */
function isEvent(value: unknown): value is AnyTotpEvent {
  if (typeof value !== 'object' || value === null || !('name' in value)) return false;
  const prototype = PROTOTYPES.get(String(value.name));
  if (prototype !== undefined) Object.setPrototypeOf(value, prototype);
  return value instanceof TotpEvent && typeof value.id === 'string' && typeof value.userId === 'string';
}

/** The event that tells others of what a rule decided. */
export function toEvent(event: AccountEvent, origin: EventOrigin): AnyTotpEvent {
  switch (event.name) {
    case 'totp.device.created':
      return new TotpDeviceCreatedEvent(origin, event);
    case 'totp.device.verified':
      return new TotpDeviceVerifiedEvent(origin, event);
    case 'totp.device.renamed':
      return new TotpDeviceRenamedEvent(origin, event);
    case 'totp.device.removed':
      return new TotpDeviceRemovedEvent(origin, event);
    case 'totp.code.accepted':
      return new TotpCodeAcceptedEvent(origin, event);
    case 'totp.code.rejected':
      return new TotpCodeRejectedEvent(origin, event);
    case 'totp.code.replayed':
      return new TotpCodeReplayedEvent(origin, event);
    case 'totp.user.locked':
      return new TotpUserLockedEvent(origin, event);
    case 'totp.user.unlocked':
      return new TotpUserUnlockedEvent(origin, event);
  }
}
