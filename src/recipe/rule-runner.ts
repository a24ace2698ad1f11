/** Runs the rules of `accounts/` for the functions of the recipe: with the time, the policy and the session that asks. */
import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../accounts/account.js';
import type { Decision, DecisionContext } from '../accounts/decision.js';
import type { DeviceChangeContext, StepUpRequired } from '../accounts/step-up.js';
import { TotpClock } from '../shared/clock.js';
import { TotpConfigurationError, TotpStepUpRequiredError } from '../shared/errors.js';
import { TotpAccountStore } from '../storage/account-store.js';
import { AccountUpdater, type Change } from './account-updater.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';
import { actingSession, type CallerSession, tenantIdOf } from './caller.js';
import type { OperatorContext } from './recipe-interface.js';

/** A rule, given the account of the user; null is a user without one. */
type Rule<Answer> = (
  account: Account | null,
  context: DeviceChangeContext,
) => Decision<Answer | StepUpRequired> | Promise<Decision<Answer | StepUpRequired>>;

@Injectable()
export class RuleRunner {
  constructor(
    @Inject(TOTP_OPTIONS) private readonly config: TotpConfig,
    @Inject(AccountUpdater) readonly accounts: AccountUpdater,
    @Inject(TotpAccountStore) readonly store: TotpAccountStore,
    @Inject(TotpClock) private readonly clock: TotpClock,
  ) {}

  /**
   * Commits what a rule decides.
   *
   * @throws TotpStepUpRequiredError when the session must complete TOTP first
   */
  async change<Answer extends { readonly status: string }>(
    input: OperatorContext & { readonly session?: CallerSession | undefined },
    rule: Rule<Answer>,
  ): Promise<Answer> {
    const session = await actingSession(input);
    const now = this.now();
    const context = { now, policy: this.config.policy, session };
    const { userId, by } = input;
    const change: Change = { userId, tenantId: tenantIdOf(input), session, by, now };
    const answer = await this.accounts.update(change, (account) => rule(account, context));
    if (isRefusal(answer)) throw stepUpRequired();
    return answer;
  }

  /** The user's account, for functions that change nothing; null without one. */
  async load(userId: string): Promise<Account | null> {
    const loaded = await this.store.load(userId);
    return loaded?.account ?? null;
  }

  context(): DecisionContext {
    return { now: this.now(), policy: this.config.policy };
  }

  /** Read once per call; in whole milliseconds, as times are stored. */
  now(): number {
    const now = Math.floor(this.clock.now());
    if (Number.isSafeInteger(now) && now >= 0) return now;
    throw new TotpConfigurationError('TotpClock.now() must return the time in epoch milliseconds, as Date.now() does.');
  }
}

/** A change that no session asks for. */
export function changeOf({ userId, tenantId, by }: OperatorContext, now: number): Change {
  return { userId, tenantId, by, now };
}

export function stepUpRequired(): TotpStepUpRequiredError {
  return new TotpStepUpRequiredError('The session must complete TOTP before it may change devices');
}

function isRefusal(answer: { readonly status: string }): answer is StepUpRequired {
  return answer.status === 'STEP_UP_REQUIRED';
}
