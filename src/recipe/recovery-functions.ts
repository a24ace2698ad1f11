/** The functions of the recipe for recovery codes and temporary codes. `RecipeInterface` documents them. */
import { Inject, Injectable } from '@nestjs/common';
import {
  decideCreateRecoveryCodes,
  decideCreateTemporaryCode,
  decideRecovery,
  type NewRecoveryCodes,
  summaryOfCodes,
} from '../accounts/recovery.js';
import { durationMs } from '../shared/duration.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { checkArguments } from './arguments.js';
import { BrowserFunctions } from './browser-functions.js';
import type { CallerSession } from './caller.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';
import type {
  CallContext,
  CreateRecoveryCodesAnswer,
  CreateTemporaryCodeAnswer,
  CreateTemporaryCodeInput,
  ImportRecoveryCodesAnswer,
  ImportRecoveryCodesInput,
  OnBehalfOf,
  OperatorContext,
  RecoveryCodesAnswer,
  VerifyRecoveryCodeAnswer,
  VerifyRecoveryCodeInput,
} from './recipe-interface.js';
import { RecoverySecrets } from './recovery-secrets.js';
import { RuleRunner } from './rule-runner.js';

const DEFAULT_VALIDITY = '1h';

@Injectable()
export class RecoveryFunctions {
  constructor(
    @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
    @Inject(RuleRunner) private readonly rules: RuleRunner,
    @Inject(RecoverySecrets) private readonly secrets: RecoverySecrets,
    @Inject(BrowserFunctions) private readonly browsers: BrowserFunctions,
  ) {}

  async createRecoveryCodes(input: OnBehalfOf & OperatorContext): Promise<CreateRecoveryCodesAnswer> {
    checkArguments('createRecoveryCodes', input);
    const { codes, set } = await this.secrets.createSet(input.userId, this.count());
    const answer = await this.replaceSet(input, set);
    return answer.status === 'OK' ? { ...answer, recoveryCodes: codes } : answer;
  }

  async importRecoveryCodes(input: ImportRecoveryCodesInput): Promise<ImportRecoveryCodesAnswer> {
    checkArguments('importRecoveryCodes', input);
    this.count();
    return this.replaceSet(input, await this.secrets.sealSet(input.userId, input.recoveryCodes, 'exact'));
  }

  async getRecoveryCodes(input: CallContext): Promise<RecoveryCodesAnswer> {
    checkArguments('getRecoveryCodes', input);
    this.count();
    const account = await this.rules.load(input.userId);
    const summary = summaryOfCodes(account?.recoveryCodes ?? null);
    return { status: 'OK', ...(summary ?? { left: 0, total: 0, createdAt: null }) };
  }

  async verifyRecoveryCode(input: VerifyRecoveryCodeInput): Promise<VerifyRecoveryCodeAnswer> {
    checkArguments('verifyRecoveryCode', input);
    this.count();
    const browser = this.browsers.newBrowser(input.trustBrowser);
    const answer = await this.rules.change(input, async (account, context) => {
      const match = account === null ? undefined : await this.secrets.find(input.userId, account, input.recoveryCode);
      return decideRecovery(account, match, browser?.record, context);
    });
    return answer.status === 'OK' ? { ...answer, ...browser?.answer } : answer;
  }

  async createTemporaryCode(input: CreateTemporaryCodeInput): Promise<CreateTemporaryCodeAnswer> {
    checkArguments('createTemporaryCode', input);
    this.count();
    const validForMs = durationMs(input.validFor ?? DEFAULT_VALIDITY) ?? 0;
    const { code, temporary } = await this.secrets.createTemporary(input.userId);
    const answer = await this.rules.change(input, (account, context) =>
      decideCreateTemporaryCode(account, temporary, validForMs, context),
    );
    return answer.status === 'OK' ? { ...answer, temporaryCode: code } : answer;
  }

  private replaceSet(input: OperatorContext & { readonly session?: CallerSession | undefined }, set: NewRecoveryCodes) {
    return this.rules.change(input, (account, context) => decideCreateRecoveryCodes(account, set, context));
  }

  /** How many codes a set has. @throws TotpConfigurationError when the option `recoveryCodes` is false */
  private count(): number {
    const { recoveryCodes } = this.config;
    if (recoveryCodes !== false) return recoveryCodes.count;
    throw new TotpConfigurationError(
      'TotpModule: the option recoveryCodes is false. Write recoveryCodes: { count: 8 } to use recovery codes and temporary codes.',
    );
  }
}
