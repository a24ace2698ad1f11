/** The module's services over a database, without a Nest application: for scripts and commands. */
import type { DataSource } from 'typeorm';
import { TotpEventPublisher } from '../events/publisher.js';
import { TotpKeyRotation } from '../operations/key-rotation.js';
import { TotpOutboxAdmin } from '../outbox/admin.js';
import { TypeOrmTotpOutbox } from '../outbox/typeorm-outbox.js';
import { AccountUpdater } from '../recipe/account-updater.js';
import { BrowserFunctions } from '../recipe/browser-functions.js';
import { DeviceSecrets } from '../recipe/device-secrets.js';
import { RecoveryFunctions } from '../recipe/recovery-functions.js';
import { RecoverySecrets } from '../recipe/recovery-secrets.js';
import { RuleRunner } from '../recipe/rule-runner.js';
import { TotpService } from '../recipe/totp.service.js';
import { AnonymousUserDirectory } from '../recipe/user-directory.js';
import type { TotpSecretCipher } from '../secrets/secret-cipher.js';
import { SystemTotpClock } from '../shared/clock.js';
import { TOTP_ENTITIES } from '../storage/index.js';
import { StoreConnection } from '../storage/sql/connection.js';
import { TypeOrmTotpAccountStore } from '../storage/typeorm-account-store.js';
import { checkOptions } from './check-options.js';

export interface OpenTotpOptions {
  /** Encrypts the secrets, with the same keys as the application's. */
  readonly cipher: TotpSecretCipher;
  /** The option `maxDevices` of the application: 1–15, default 10. */
  readonly maxDevices?: number;
}

export interface StandaloneTotp {
  readonly totp: TotpService;
  readonly keyRotation: TotpKeyRotation;
  /** Closes the connection that `openTotp` opened. The data source stays open. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the module's services for a script. They publish no events: listeners run in the application only.
 *
 * @example
 * const { keyRotation, close } = await openTotp(dataSource, { cipher: new KeyRingSecretCipher(keys) });
 * @param dataSource the application's, initialised, with `TOTP_ENTITIES`
 * @throws TotpConfigurationError when an option is wrong, or the module cannot use the data source
 */
export async function openTotp(
  dataSource: DataSource,
  { cipher, maxDevices }: OpenTotpOptions,
): Promise<StandaloneTotp> {
  const config = checkOptions({ issuer: 'nestjs-totp', ...(maxDevices === undefined ? {} : { maxDevices }) });
  const connection = new StoreConnection(dataSource, TOTP_ENTITIES);
  const store = new TypeOrmTotpAccountStore(await connection.open());
  const accounts = new AccountUpdater(config, store, new NullEventPublisher());
  const rules = new RuleRunner(config, accounts, store, new SystemTotpClock());
  const devices = new DeviceSecrets(cipher);
  const codes = new RecoverySecrets(cipher);
  const browsers = new BrowserFunctions(config, rules);
  const recovery = new RecoveryFunctions(config, rules, codes, browsers);
  return {
    totp: new TotpService(config, rules, devices, new AnonymousUserDirectory(), recovery, browsers),
    keyRotation: new TotpKeyRotation(store, cipher, accounts, devices, codes),
    close: () => connection.onApplicationShutdown(),
  };
}

export interface StandaloneOutbox {
  readonly admin: TotpOutboxAdmin;
  /** Closes the connection that `openTotpOutbox` opened. The data source stays open. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the administration of the outbox for a script. It does not know the application's destinations, so it accepts any name.
 *
 * @example
 * const { admin, close } = await openTotpOutbox(dataSource);
 * @param dataSource the application's, initialised, with `TOTP_ENTITIES`
 * @throws TotpConfigurationError when the module cannot use the data source
 */
export async function openTotpOutbox(dataSource: DataSource): Promise<StandaloneOutbox> {
  const connection = new StoreConnection(dataSource, TOTP_ENTITIES);
  await connection.open();
  const queue = new TypeOrmTotpOutbox(connection, () => []);
  return {
    admin: new TotpOutboxAdmin({ queue, destinations: undefined }),
    close: () => connection.onApplicationShutdown(),
  };
}

class NullEventPublisher extends TotpEventPublisher {
  override publish(): void {
    // No listener runs in this process.
  }
}
