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

/**
 * What every event has. No event ever contains a secret, a code, a key URI or a QR picture.
 *
 * Events are emitted after the change that they report is committed.
 */
export abstract class TotpEvent {
  abstract readonly name: keyof TotpEventMap;
  /** The version of the event's fields. */
  readonly version = 1;
  /** A UUID of its own. */
  readonly id: string = randomUUID();
  readonly occurredAt: number;
  readonly userId: string;
  readonly tenantId: string;
  readonly sessionHandle: string | undefined;

  constructor(origin: EventOrigin) {
    this.occurredAt = origin.occurredAt;
    this.userId = origin.userId;
    this.tenantId = origin.tenantId;
    this.sessionHandle = origin.sessionHandle;
  }
}

type Fields<Name extends AccountEvent['name']> = Omit<Extract<AccountEvent, { name: Name }>, 'name'>;

/** A device was created, or imported. */
export class TotpDeviceCreatedEvent extends TotpEvent {
  readonly name = 'totp.device.created';
  readonly deviceId: string;
  readonly deviceName: string;
  /** Whether it came with a secret that the user already had; it is verified then. */
  readonly imported: boolean;
  /** Whether it took the place of an unverified device of the same name. */
  readonly replaced: boolean;

  constructor(origin: EventOrigin, fields: Fields<'totp.device.created'>) {
    super(origin);
    this.deviceId = fields.deviceId;
    this.deviceName = fields.deviceName;
    this.imported = fields.imported;
    this.replaced = fields.replaced;
  }
}

/** A device was newly verified: exactly once per device. */
export class TotpDeviceVerifiedEvent extends TotpEvent {
  readonly name = 'totp.device.verified';
  readonly deviceId: string;
  readonly deviceName: string;

  constructor(origin: EventOrigin, fields: Fields<'totp.device.verified'>) {
    super(origin);
    this.deviceId = fields.deviceId;
    this.deviceName = fields.deviceName;
  }
}

/** A device got another name. */
export class TotpDeviceRenamedEvent extends TotpEvent {
  readonly name = 'totp.device.renamed';
  readonly deviceId: string;
  readonly from: string;
  readonly to: string;

  constructor(origin: EventOrigin, fields: Fields<'totp.device.renamed'>) {
    super(origin);
    this.deviceId = fields.deviceId;
    this.from = fields.from;
    this.to = fields.to;
  }
}

/** A device was removed. */
export class TotpDeviceRemovedEvent extends TotpEvent {
  readonly name = 'totp.device.removed';
  readonly deviceId: string;
  readonly deviceName: string;
  readonly wasVerified: boolean;
  /** Devices that the user still has, unverified ones included. */
  readonly devicesLeft: number;

  constructor(origin: EventOrigin, fields: Fields<'totp.device.removed'>) {
    super(origin);
    this.deviceId = fields.deviceId;
    this.deviceName = fields.deviceName;
    this.wasVerified = fields.wasVerified;
    this.devicesLeft = fields.devicesLeft;
  }
}

/** A code signed in. */
export class TotpCodeAcceptedEvent extends TotpEvent {
  readonly name = 'totp.code.accepted';
  readonly deviceId: string;
  readonly deviceName: string;
  /** Steps that the authenticator's clock was off: 0, or up to the skew before (-) or after (+). */
  readonly stepOffset: number;

  constructor(origin: EventOrigin, fields: Fields<'totp.code.accepted'>) {
    super(origin);
    this.deviceId = fields.deviceId;
    this.deviceName = fields.deviceName;
    this.stepOffset = fields.stepOffset;
  }
}

/** A wrong code was counted. */
export class TotpCodeRejectedEvent extends TotpEvent {
  readonly name = 'totp.code.rejected';
  /** Failures that count towards the next lock, this one included. */
  readonly failures: number;
  /** Further failures until a lock starts. */
  readonly failuresLeft: number;

  constructor(origin: EventOrigin, fields: Fields<'totp.code.rejected'>) {
    super(origin);
    this.failures = fields.failures;
    this.failuresLeft = fields.failuresLeft;
  }
}

/** A right code was entered that had been used already. */
export class TotpCodeReplayedEvent extends TotpEvent {
  readonly name = 'totp.code.replayed';
  readonly deviceId: string;

  constructor(origin: EventOrigin, fields: Fields<'totp.code.replayed'>) {
    super(origin);
    this.deviceId = fields.deviceId;
  }
}

/** A lock started: exactly once per lock, whichever process saw it. */
export class TotpUserLockedEvent extends TotpEvent {
  readonly name = 'totp.user.locked';
  /** When it ends, in epoch ms; null for a hard lock, which `unlockUser` alone ends. */
  readonly until: number | null;
  /** Which lock of the present failure streak it is, from 1. */
  readonly lockNumber: number;
  /** Failures in a row. */
  readonly failures: number;

  constructor(origin: EventOrigin, fields: Fields<'totp.user.locked'>) {
    super(origin);
    this.until = fields.until;
    this.lockNumber = fields.lockNumber;
    this.failures = fields.failures;
  }
}

/** A lock is over: by `unlockUser`, or by the first code accepted after it had run out. */
export class TotpUserUnlockedEvent extends TotpEvent {
  readonly name = 'totp.user.unlocked';
  readonly reason: UnlockReason;

  constructor(origin: EventOrigin, fields: Fields<'totp.user.unlocked'>) {
    super(origin);
    this.reason = fields.reason;
  }
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
