/** The functions of the recipe for trusted browsers. `RecipeInterface` documents them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  browserSummaries,
  decideForget,
  decideTrust,
  type ForgetAnswer,
  type NewTrustedBrowser,
  type TrustAnswer,
} from '../accounts/trust.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { checkArguments } from './arguments.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';
import type {
  CallContext,
  ForgetTrustedBrowsersInput,
  NewTrust,
  TrustBrowserInput,
  TrustedBrowsersAnswer,
  VerifyTrustedBrowserInput,
} from './recipe-interface.js';
import { RuleRunner } from './rule-runner.js';

const TOKEN_BYTES = 32;
/** So that 15 of them fit into a row, in any alphabet. */
const MAX_USER_AGENT_LENGTH = 256;

@Injectable()
export class BrowserFunctions {
  constructor(
    @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
    @Inject(RuleRunner) private readonly rules: RuleRunner,
  ) {}

  /**
   * What to store of a browser that is to be trusted, and what its user gets if the code is right.
   *
   * @param input undefined when no browser is to be trusted
   * @throws TotpConfigurationError when the option `trustedBrowsers` is off
   */
  newBrowser(input: TrustBrowserInput | undefined): { record: NewTrustedBrowser; answer: NewTrust } | undefined {
    if (input === undefined) return undefined;
    if (this.config.policy.maxTrustedBrowsers === 0) {
      throw new TotpConfigurationError(
        'TotpModule: a browser cannot be trusted, because the option trustedBrowsers is off. Write trustedBrowsers: { days: 30 }.',
      );
    }
    const trustToken = randomBytes(TOKEN_BYTES).toString('base64url');
    const userAgent =
      input.userAgent
        ?.slice(0, MAX_USER_AGENT_LENGTH)
        .toWellFormed()
        .replace(/\p{Cc}/gu, ' ') ?? null;
    return { record: { id: randomUUID(), tokenHash: hash(trustToken), userAgent }, answer: { trustToken } };
  }

  async verifyTrustedBrowser(input: VerifyTrustedBrowserInput): Promise<TrustAnswer> {
    checkArguments('verifyTrustedBrowser', input);
    if (this.config.policy.maxTrustedBrowsers === 0) return { status: 'UNKNOWN_BROWSER_ERROR' };
    return this.rules.change(input, (account, context) => decideTrust(account, hash(input.trustToken), context));
  }

  async listTrustedBrowsers(input: CallContext): Promise<TrustedBrowsersAnswer> {
    checkArguments('listTrustedBrowsers', input);
    const account = await this.rules.load(input.userId);
    return { status: 'OK', browsers: browserSummaries(account, this.rules.context()) };
  }

  async forgetTrustedBrowsers(input: ForgetTrustedBrowsersInput): Promise<ForgetAnswer> {
    checkArguments('forgetTrustedBrowsers', input);
    return this.rules.change(input, (account, context) => decideForget(account, input.id, context));
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
