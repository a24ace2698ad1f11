/** The exceptions for faults, as opposed to what a user can cause. Each has a stable `code`. */

/** The base of every error that the module throws. */
export abstract class TotpError extends Error {
  /** Identifies the kind of error; does not change between versions. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The module was set up wrongly; the message says what to write instead. */
export class TotpConfigurationError extends TotpError {
  readonly code = 'TOTP_CONFIGURATION';
}

/** The message at start-up, of the store or of the migrations, which may run first. */
export const ENTITIES_MISSING =
  "TotpModule: the TypeORM data source does not know the module's entities. Write " +
  'TypeOrmModule.forRoot({ …, entities: [...TOTP_ENTITIES, …] }), or autoLoadEntities: true.';

/** A function of `TotpService` was called with an invalid argument. Nothing was changed. */
export class TotpArgumentError extends TotpError {
  readonly code = 'TOTP_ARGUMENT';
}

/** The database failed, or returned something impossible. No code was accepted or rejected. */
export class TotpStorageError extends TotpError {
  readonly code: 'TOTP_STORAGE' | 'TOTP_DAMAGED_ACCOUNT' = 'TOTP_STORAGE';
}

/** A stored account is not as the module wrote it. No code was accepted or rejected. */
export class TotpDamagedAccountError extends TotpStorageError {
  override readonly code = 'TOTP_DAMAGED_ACCOUNT';

  /** @param revision of the stored account, with which `removeUser` can still erase it */
  constructor(
    message: string,
    readonly revision?: string,
  ) {
    super(message);
  }
}

/** A stored secret could not be decrypted. No code was accepted or rejected. */
export class TotpSecretError extends TotpError {
  readonly code = 'TOTP_SECRET';
}

/**
 * Thrown by an event destination or a durable handler for an event that no further attempt can deliver: it becomes a dead letter at once, and
 * the user's later events are delivered.
 *
 * @example
 * if (!schema.accepts(event)) throw new TotpUndeliverableEventError(`the schema has no ${event.name}`);
 */
export class TotpUndeliverableEventError extends TotpError {
  readonly code = 'TOTP_UNDELIVERABLE_EVENT';
}

/** The session that asked for a change of devices must complete TOTP first. Over HTTP, this is a 403. */
export class TotpStepUpRequiredError extends TotpError {
  readonly code = 'TOTP_STEP_UP_REQUIRED';
}
