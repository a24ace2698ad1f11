/** What goes wrong by fault, not by what a user does: each error has a stable `code`. */

/** The base of every error that the module throws. */
export abstract class TotpError extends Error {
  /** A name for this error that stays the same from version to version. */
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

/** Said at start-up, by the store or before it by the migrations. */
export const ENTITIES_MISSING =
  "TotpModule: the TypeORM data source does not know the module's entities. Write " +
  'TypeOrmModule.forRoot({ …, entities: [...TOTP_ENTITIES, …] }), or autoLoadEntities: true.';

/** A function of `TotpService` was called with something that it cannot take. Nothing was changed. */
export class TotpArgumentError extends TotpError {
  readonly code = 'TOTP_ARGUMENT';
}

/** The database did not answer, or answered something that cannot be. No code was accepted and none was refused. */
export class TotpStorageError extends TotpError {
  readonly code: 'TOTP_STORAGE' | 'TOTP_DAMAGED_ACCOUNT' = 'TOTP_STORAGE';
}

/** A stored account is not as the module wrote it. No code was accepted and none was refused. */
export class TotpDamagedAccountError extends TotpStorageError {
  override readonly code = 'TOTP_DAMAGED_ACCOUNT';

  /** @param revision of the stored account, by which `removeUser` can still erase it */
  constructor(
    message: string,
    readonly revision?: string,
  ) {
    super(message);
  }
}

/** A stored secret could not be opened. No code was accepted and none was refused. */
export class TotpSecretError extends TotpError {
  readonly code = 'TOTP_SECRET';
}

/** The session on whose behalf a device was to be changed has not completed TOTP lately. Over HTTP this is a 403. */
export class TotpStepUpRequiredError extends TotpError {
  readonly code = 'TOTP_STEP_UP_REQUIRED';
}
