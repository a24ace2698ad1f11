/** The only writer of accounts: loads, lets a rule decide, commits if the account is still the loaded one, publishes. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Account } from '../accounts/account.js';
import type { Decision } from '../accounts/decision.js';
import type { ActingSession } from '../accounts/step-up.js';
import { type AnyTotpEvent, isCodeEvent, type Operator, toEvent } from '../events/catalogue.js';
import { publishDiagnostics } from '../events/diagnostics.js';
import { TotpEventPublisher } from '../events/publisher.js';
import { FailSafeTotpMetrics, NoTotpMetrics, TotpMetrics } from '../metrics/metrics.js';
import { TRACE_CONTEXT, type TraceContext } from '../metrics/opentelemetry.js';
import { TotpDamagedAccountError, TotpStorageError } from '../shared/errors.js';
import { KeyedMutex } from '../shared/keyed-mutex.js';
import { logError } from '../shared/log-error.js';
import { BACKGROUND_STATEMENTS, Semaphore } from '../shared/semaphore.js';
import { delay } from '../shared/timers.js';
import { type AccountChange, TotpAccountStore } from '../storage/account-store.js';
import { TOTP_OPTIONS, type TotpConfig } from './config.js';

/** Each conflict means that a call of another process succeeded. */
const MAX_ATTEMPTS = 100;
/** How many attempts follow each other immediately. Each later one first waits for a random time, so that callers spread out. */
const IMMEDIATE_ATTEMPTS = 3;

/** The user, session and time of a change, which its events carry. */
export interface Change {
  readonly userId: string;
  /** Default `public`. */
  readonly tenantId?: string | undefined;
  readonly session?: Pick<ActingSession, 'handle'> | undefined;
  readonly by?: Operator | undefined;
  /** Epoch ms. */
  readonly now: number;
}

/** An account as it was loaded; both are null for a user without one. */
interface Snapshot<Stored> {
  readonly account: Stored | null;
  readonly revision: string | null;
}

const NO_ACCOUNT: Snapshot<never> = { account: null, revision: null };

/** A decision to commit before its answer may leave the process. */
interface Outcome<Answer> {
  readonly answer: Answer;
  readonly changes: readonly AccountChange[];
  readonly events: readonly AnyTotpEvent[];
}

/** The accounts of several users, which change together: each decision depends on those before it. */
export interface AccountBatch {
  decide<Answer>(change: Change, rule: (account: Account | null) => Promise<Decision<Answer>>): Promise<Answer>;
}

@Injectable()
export class AccountUpdater {
  private readonly logger = new Logger('TotpModule');
  /**
   * Calls about one user run one after the other. In parallel they would only conflict with each other, and one user under attack
   * would hold every connection of the pool. Between processes, the condition of the commit decides.
   */
  private readonly mutex = new KeyedMutex();
  private readonly background = new Semaphore(BACKGROUND_STATEMENTS);
  private readonly metrics: TotpMetrics;

  constructor(
    @Inject(TOTP_OPTIONS) private readonly config: Pick<TotpConfig, 'events'>,
    @Inject(TotpAccountStore) private readonly store: TotpAccountStore,
    @Inject(TotpEventPublisher) private readonly publisher: TotpEventPublisher,
    @Inject(TotpMetrics) metrics: TotpMetrics = new NoTotpMetrics(),
    @Inject(TRACE_CONTEXT) private readonly traceContext: TraceContext = () => undefined,
  ) {
    this.metrics = new FailSafeTotpMetrics(metrics);
  }

  /**
   * Commits the decision of a rule, and then publishes its events. If the account has changed in the meantime, the rule decides
   * again: no answer leaves the process before the account that it depends on is known to be unchanged.
   *
   * @param rule called once per attempt; null is a user without an account
   */
  update<Answer>(
    change: Change,
    rule: (account: Account | null) => Decision<Answer> | Promise<Decision<Answer>>,
  ): Promise<Answer> {
    return this.exclusively(change.userId, async () => {
      const current = await this.load(change.userId);
      return this.outcomeOf(change, current, await rule(current.account));
    });
  }

  /** As `update`, for a rule that also accepts an account that can no longer be read. */
  updateDamaged<Answer>(
    change: Change,
    rule: (account: Account | 'damaged' | null) => Decision<Answer>,
  ): Promise<Answer> {
    return this.exclusively(change.userId, async () => {
      const current = await this.load(change.userId).catch(damagedAccount);
      return this.outcomeOf(change, current, rule(current.account));
    });
  }

  /**
   * As `update`, for a change that is not an event, because no user notices it: re-encryption under another key.
   *
   * @param rule returns null as the account when nothing changes
   */
  rewrite<Answer>(
    userId: string,
    rule: (account: Account | null) => Promise<Omit<Decision<Answer>, 'events'>>,
  ): Promise<Answer> {
    return this.exclusively(userId, async () => {
      const { account: before, revision } = await this.load(userId);
      const { answer, account } = await rule(before);
      return { answer, changes: account === null ? [] : [{ userId, revision, account }], events: [] };
    });
  }

  /**
   * Changes the accounts of several users in one transaction.
   *
   * @param mode `dry-run` returns the answer and commits nothing
   * @param work called once per attempt
   */
  updateAll<Answer>(
    userIds: readonly string[],
    mode: 'commit' | 'dry-run',
    work: (batch: AccountBatch) => Promise<Answer>,
  ): Promise<Answer> {
    const distinct = [...new Set(userIds)];
    return this.decideUntilCommitted(async () => {
      const loaded = await this.background.map(distinct, async (userId) => [userId, await this.load(userId)] as const);
      const accounts = new Map<string, Snapshot<Account>>(loaded);
      const changes = new Map<string, AccountChange>();
      const events: AnyTotpEvent[] = [];
      const decide: AccountBatch['decide'] = async (change, rule) => {
        const current = accounts.get(change.userId) ?? NO_ACCOUNT;
        const outcome = this.outcomeOf(change, current, await rule(current.account));
        for (const one of outcome.changes) {
          changes.set(one.userId, one);
          accounts.set(one.userId, { ...one, account: one.account === 'erased' ? null : one.account });
        }
        events.push(...outcome.events);
        return outcome.answer;
      };
      const answer = await work({ decide });
      return mode === 'dry-run'
        ? { answer, changes: [], events: [] }
        : { answer, changes: [...changes.values()], events };
    });
  }

  private exclusively<Answer>(userId: string, decide: () => Promise<Outcome<Answer>>): Promise<Answer> {
    return this.mutex.runExclusive(userId, () => this.decideUntilCommitted(decide));
  }

  private async decideUntilCommitted<Answer>(decide: () => Promise<Outcome<Answer>>): Promise<Answer> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { answer, changes, events } = await decide();
      if (await this.commit(changes, this.durable(events))) {
        this.publish(events);
        return answer;
      }
      this.metrics.recordConflict();
      if (attempt > IMMEDIATE_ATTEMPTS) await delay(Math.random() * attempt);
    }
    throw new TotpStorageError(
      `Gave up after ${String(MAX_ATTEMPTS)} conflicting updates of this account. Try again later.`,
    );
  }

  private async load(userId: string): Promise<Snapshot<Account>> {
    return (await this.store.load(userId)) ?? NO_ACCOUNT;
  }

  private outcomeOf<Answer>(
    { userId, tenantId = 'public', session, by, now }: Change,
    { account, revision }: Snapshot<Account | 'damaged'>,
    decision: Decision<Answer>,
  ): Outcome<Answer> {
    const traceparent = decision.events.length === 0 ? undefined : this.traceContext();
    const origin = { occurredAt: now, userId, tenantId, sessionHandle: session?.handle, by, traceparent };
    const events = decision.events.map((event) => toEvent(event, origin));
    // A durable event is stored with a write of the account even if nothing changes, because that write gives events their order.
    const unchanged = account !== 'damaged' && this.durable(events).length > 0 ? account : null;
    const committed = decision.account ?? unchanged;
    return {
      answer: decision.answer,
      changes: committed === null ? [] : [{ userId, revision, account: committed }],
      events,
    };
  }

  private async commit(changes: readonly AccountChange[], events: readonly AnyTotpEvent[]): Promise<boolean> {
    const [first, ...others] = changes;
    if (first === undefined) return true;
    if (others.length > 0) return this.store.commitAll(changes, events);
    return this.store.commit(first.userId, first.revision, first.account, events);
  }

  /** The events to store in the outbox. */
  private durable(events: readonly AnyTotpEvent[]): readonly AnyTotpEvent[] {
    const { outbox, codeEvents } = this.config.events;
    return outbox ? events.filter(({ name }) => codeEvents || !isCodeEvent(name)) : [];
  }

  /** A failure of the publisher is only logged: the answer is already committed. */
  private publish(events: readonly AnyTotpEvent[]): void {
    if (events.length === 0) return;
    publishDiagnostics(events);
    for (const { name } of events) this.metrics.recordEvent(name);
    new Promise((resolve) => {
      resolve(this.publisher.publish(events));
    }).catch((error: unknown) => {
      logError(this.logger, `TotpEventPublisher failed to publish ${events.map(({ name }) => name).join(', ')}`, error);
    });
  }
}

function damagedAccount(error: unknown): Snapshot<'damaged'> {
  if (error instanceof TotpDamagedAccountError && error.revision !== undefined) {
    return { account: 'damaged', revision: error.revision };
  }
  throw error;
}
