/** The recipe over a store and a cipher, without an application: what a process of its own would have. */
import {
  type TotpAccountStore,
  type TotpClock,
  TotpKeyRotation,
  type TotpModuleOptions,
  TotpService,
} from 'nestjs-totp';
import type { TotpEventPublisher, TotpSecretCipher, TotpUserDirectory } from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock, TotpEventRecorder } from 'nestjs-totp/testing';
import { checkOptions } from '../../src/module/check-options.js';
import { AccountUpdater } from '../../src/recipe/account-updater.js';
import { BrowserFunctions } from '../../src/recipe/browser-functions.js';
import { DeviceSecrets } from '../../src/recipe/device-secrets.js';
import { RecoveryFunctions } from '../../src/recipe/recovery-functions.js';
import { RecoverySecrets } from '../../src/recipe/recovery-secrets.js';
import { RuleRunner } from '../../src/recipe/rule-runner.js';
import { AnonymousUserDirectory } from '../../src/recipe/user-directory.js';
import { PlainTextSecretCipher } from '../../src/secrets/plain-text-cipher.js';

export interface RecipeParts extends Partial<TotpModuleOptions> {
  readonly store?: TotpAccountStore;
  readonly cipher?: TotpSecretCipher;
  readonly clock?: TotpClock;
  readonly directory?: TotpUserDirectory;
  readonly publisher?: TotpEventPublisher;
}

export function recipeOver({
  store = new InMemoryTotpAccountStore(),
  cipher = new PlainTextSecretCipher(),
  clock = new TestTotpClock(),
  directory = new AnonymousUserDirectory(),
  publisher = new TotpEventRecorder(),
  ...options
}: RecipeParts = {}): { readonly totp: TotpService; readonly rotation: TotpKeyRotation } {
  const config = checkOptions({ issuer: 'Acme', ...options });
  const accounts = new AccountUpdater(config, store, publisher);
  const rules = new RuleRunner(config, accounts, store, clock);
  const devices = new DeviceSecrets(cipher);
  const codes = new RecoverySecrets(cipher);
  const browsers = new BrowserFunctions(config, rules);
  const recovery = new RecoveryFunctions(config, rules, codes, browsers);
  return {
    totp: new TotpService(config, rules, devices, directory, recovery, browsers),
    rotation: new TotpKeyRotation(store, cipher, accounts, devices, codes),
  };
}
