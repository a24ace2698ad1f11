/** The events of the module: one class per event, listed in one map by the name under which it is emitted. */
import { randomUUID } from 'node:crypto';
import type { AccountEvent, ForgottenReason, UnlockReason } from '../accounts/decision.js';

/** The name of one of the module's events. */
export type TotpEventName = AccountEvent['name'];

/** The user, tenant and session of an event, and its time. */
export interface EventOrigin {
  /** Epoch ms. */
  readonly occurredAt: number;
  readonly userId: string;
  readonly tenantId: string;
  /** The session that asked; undefined when the application itself called `TotpService`. */
  readonly sessionHandle?: string | undefined;
  readonly by?: Operator | undefined;
  readonly traceparent?: string | undefined;
}

/** Who made a change on a user's behalf, such as a member of the help desk (PCI DSS 8.2.8, ASVS 16.2.1). */
export interface Operator {
  /** Who it was, such as the id of a member of staff: 1–256 characters. */
  readonly actor: string;
  /** Why, such as the number of a support case: 1–256 characters. */
  readonly reason?: string;
}

/** The fields of one event that are not common to all events. */
type Fields<Name extends TotpEventName> = Omit<Extract<AccountEvent, { name: Name }>, 'name'>;

/**
 * The fields that all events have in common. No event ever contains a secret, a code, a key URI or a QR code.
 *
 * Events are emitted after the change that they report is committed.
 */
export abstract class TotpEvent<Name extends TotpEventName = TotpEventName> {
  abstract readonly name: Name;
  /** The version of the event's fields. */
  readonly version = 1;
  /**
   * A UUID, the same each time the event is delivered: use it to recognise redeliveries.
   *
   * @format uuid
   */
  readonly id: string = randomUUID();
  /** Epoch ms. */
  readonly occurredAt: number;
  readonly userId: string;
  readonly tenantId: string;
  /** The session that asked; missing when the application itself called `TotpService`. */
  readonly sessionHandle?: string | undefined;
  /** Who made the change on the user's behalf; missing when the caller named nobody. */
  readonly by?: Operator | undefined;
  /**
   * The trace and span of the request, as a W3C `traceparent`; missing when there is none, or no `@opentelemetry/api`.
   *
   * @example
   * // A consumer continues the trace:
   * context.with(propagation.extract(context.active(), event), () => …);
   * @see https://www.w3.org/TR/trace-context/#traceparent-header
   */
  readonly traceparent?: string | undefined;

  constructor(origin: EventOrigin, fields: Fields<Name>) {
    this.occurredAt = origin.occurredAt;
    this.userId = origin.userId;
    this.tenantId = origin.tenantId;
    this.sessionHandle = origin.sessionHandle;
    this.by = origin.by;
    this.traceparent = origin.traceparent;
    Object.assign(this, fields);
  }
}

/** A device was created, or imported. */
export class TotpDeviceCreatedEvent extends TotpEvent<'totp.device.created'> implements Fields<'totp.device.created'> {
  readonly name = 'totp.device.created';
  declare readonly deviceId: string;
  declare readonly deviceName: string;
  /** Whether the device was imported with its secret. It is then already verified. */
  declare readonly imported: boolean;
  /** Whether it replaced an unverified device of the same name. */
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

/** A device was renamed. */
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

/** A valid code was entered that had already been used. */
export class TotpCodeReplayedEvent extends TotpEvent<'totp.code.replayed'> implements Fields<'totp.code.replayed'> {
  readonly name = 'totp.code.replayed';
  declare readonly deviceId: string;
}

/** A lock started: exactly once per lock, however many processes there are. */
export class TotpUserLockedEvent extends TotpEvent<'totp.user.locked'> implements Fields<'totp.user.locked'> {
  readonly name = 'totp.user.locked';
  /** When the lock ends, in epoch ms; null for a hard lock, which only `unlockUser` and recovery codes end. */
  declare readonly until: number | null;
  /** The number of this lock in the current failure streak, from 1. */
  declare readonly lockNumber: number;
  /** Failures in a row. */
  declare readonly failures: number;
}

/** A lock ended: by `unlockUser`, by a recovery code, or by the first code that was accepted after it had expired. */
export class TotpUserUnlockedEvent extends TotpEvent<'totp.user.unlocked'> implements Fields<'totp.user.unlocked'> {
  readonly name = 'totp.user.unlocked';
  declare readonly reason: UnlockReason;
}

/**
 * There were so many wrong codes over the long run that signing in now takes two codes in a row: exactly once each time that this
 * begins. Somebody probably has the user's password.
 */
export class TotpUserSuspectedEvent extends TotpEvent<'totp.user.suspected'> implements Fields<'totp.user.suspected'> {
  readonly name = 'totp.user.suspected';
  /** Failures that time has not forgiven. */
  declare readonly failures: number;
}

/** Everything that the module stored about a user was erased, by `removeUser`. */
export class TotpUserRemovedEvent extends TotpEvent<'totp.user.removed'> implements Fields<'totp.user.removed'> {
  readonly name = 'totp.user.removed';
  /** Devices that were erased, unverified ones included. */
  declare readonly devicesRemoved: number;
}

/** The user got a new set of recovery codes. */
export class TotpRecoveryCodesCreatedEvent
  extends TotpEvent<'totp.recovery-codes.created'>
  implements Fields<'totp.recovery-codes.created'>
{
  readonly name = 'totp.recovery-codes.created';
  declare readonly count: number;
  /** Whether it replaced an earlier set, whose codes no longer work. */
  declare readonly replaced: boolean;
}

/** A recovery code signed in: exactly once per code. */
export class TotpRecoveryCodeUsedEvent
  extends TotpEvent<'totp.recovery-code.used'>
  implements Fields<'totp.recovery-code.used'>
{
  readonly name = 'totp.recovery-code.used';
  /** Codes of the set that were not used. */
  declare readonly left: number;
}

/** A recovery code was entered that is wrong, was used, or has expired. It costs no attempt. */
export class TotpRecoveryCodeRejectedEvent extends TotpEvent<'totp.recovery-code.rejected'> {
  readonly name = 'totp.recovery-code.rejected';
}

/** A help desk issued a temporary code. */
export class TotpTemporaryCodeCreatedEvent
  extends TotpEvent<'totp.temporary-code.created'>
  implements Fields<'totp.temporary-code.created'>
{
  readonly name = 'totp.temporary-code.created';
  /** Epoch ms. */
  declare readonly expiresAt: number;
}

/** A temporary code signed in: exactly once per code. */
export class TotpTemporaryCodeUsedEvent extends TotpEvent<'totp.temporary-code.used'> {
  readonly name = 'totp.temporary-code.used';
}

/** A browser need not enter a code for some time. */
export class TotpBrowserTrustedEvent
  extends TotpEvent<'totp.browser.trusted'>
  implements Fields<'totp.browser.trusted'>
{
  readonly name = 'totp.browser.trusted';
  declare readonly browserId: string;
  /** Epoch ms. */
  declare readonly expiresAt: number;
}

/** Browsers are no longer trusted. One whose time is over is not reported. */
export class TotpBrowserForgottenEvent
  extends TotpEvent<'totp.browser.forgotten'>
  implements Fields<'totp.browser.forgotten'>
{
  readonly name = 'totp.browser.forgotten';
  declare readonly browserIds: readonly string[];
  declare readonly reason: ForgottenReason;
}

/** The class of each event. */
export const TOTP_EVENT_CLASSES = {
  'totp.device.created': TotpDeviceCreatedEvent,
  'totp.device.verified': TotpDeviceVerifiedEvent,
  'totp.device.renamed': TotpDeviceRenamedEvent,
  'totp.device.removed': TotpDeviceRemovedEvent,
  'totp.code.accepted': TotpCodeAcceptedEvent,
  'totp.code.rejected': TotpCodeRejectedEvent,
  'totp.code.replayed': TotpCodeReplayedEvent,
  'totp.user.locked': TotpUserLockedEvent,
  'totp.user.unlocked': TotpUserUnlockedEvent,
  'totp.user.suspected': TotpUserSuspectedEvent,
  'totp.user.removed': TotpUserRemovedEvent,
  'totp.recovery-codes.created': TotpRecoveryCodesCreatedEvent,
  'totp.recovery-code.used': TotpRecoveryCodeUsedEvent,
  'totp.recovery-code.rejected': TotpRecoveryCodeRejectedEvent,
  'totp.temporary-code.created': TotpTemporaryCodeCreatedEvent,
  'totp.temporary-code.used': TotpTemporaryCodeUsedEvent,
  'totp.browser.trusted': TotpBrowserTrustedEvent,
  'totp.browser.forgotten': TotpBrowserForgottenEvent,
};

/** The type of each event, by its name. */
export type TotpEventMap = {
  [Name in keyof typeof TOTP_EVENT_CLASSES]: InstanceType<(typeof TOTP_EVENT_CLASSES)[Name]>;
};

/** Any of the module's events, discriminated by `name`. */
export type AnyTotpEvent = TotpEventMap[TotpEventName];

/** The names of all events, for an audit table or a subscription to everything. */
export const TOTP_EVENT_NAMES: readonly TotpEventName[] = Object.keys(TOTP_EVENT_CLASSES).filter(isEventName);

/** Whether an event reports a single check of a code: `totp.code.*`, and recovery codes that were rejected. */
export function isCodeEvent(name: TotpEventName): boolean {
  return name.startsWith('totp.code.') || name === 'totp.recovery-code.rejected';
}

export function isEventName(name: unknown): name is TotpEventName {
  return typeof name === 'string' && Object.hasOwn(TOTP_EVENT_CLASSES, name);
}

/** Reads an event that was stored as JSON; undefined when the JSON is not an event. */
export function readEvent(json: string): AnyTotpEvent | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Turns parsed JSON into an instance of the event's class. */
function isEvent(value: unknown): value is AnyTotpEvent {
  if (typeof value !== 'object' || value === null || !('name' in value) || !isEventName(value.name)) return false;
  Object.setPrototypeOf(value, TOTP_EVENT_CLASSES[value.name].prototype);
  return value instanceof TotpEvent && typeof value.id === 'string' && typeof value.userId === 'string';
}

// Mapped types, so that the compiler relates the class of a name to the fields of that name.
type FieldsByName = { readonly [Name in TotpEventName]: Fields<Name> };
const CONSTRUCTORS: {
  [Name in TotpEventName]: new (origin: EventOrigin, fields: FieldsByName[Name]) => TotpEventMap[Name];
} = TOTP_EVENT_CLASSES;

/** Builds the event that reports what a rule decided. */
export function toEvent<Name extends TotpEventName>(
  event: { readonly name: Name } & FieldsByName[Name],
  origin: EventOrigin,
): TotpEventMap[Name] {
  return new CONSTRUCTORS[event.name](origin, event);
}
