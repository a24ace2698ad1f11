import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import {
  RequestSession,
  RequestSessionAdapter,
  type RequestUser,
  TotpEventPublisher,
  TotpSecretCipher,
  TotpSessionAdapter,
} from 'nestjs-totp';
import { DataSource, QueryFailedError } from 'typeorm';
import { everywhere, useApplication } from '../support/client.js';
import { MAX_BROWSERS, MAX_DEVICES } from './answers.js';
import { Log } from './log.js';
import { anyPast, wellFormedRequest } from './requests.js';
import { PATIENCE, settings } from './runs.js';
import { Records, Visitor } from './visitor.js';

/** Which calls of each kind fail: told by fast-check, once around and then from the beginning. */
const fails = fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, { arbitrary: fc.constant(true), weight: 1 });
const anyPlan = fc.record({
  read: fc.array(fails, { maxLength: 10 }),
  write: fc.array(fails, { maxLength: 10 }),
  cipher: fc.array(fc.boolean(), { maxLength: 4 }),
  session: fc.array(fails, { maxLength: 10 }),
  publisher: fc.array(fc.boolean(), { maxLength: 4 }),
});
type Plan = Partial<Readonly<Record<'read' | 'write' | 'cipher' | 'session' | 'publisher', readonly boolean[]>>>;

class Faults {
  private plan: Plan = {};
  private calls: Partial<Record<keyof Plan, number>> = {};
  readonly made = new Set<keyof Plan>();

  follow(plan: Plan): void {
    this.plan = plan;
    this.calls = {};
  }

  /** Fails here, if the plan says so. */
  mayFail(kind: keyof Plan, make: () => Error): void {
    const plan = this.plan[kind] ?? [];
    const call = this.calls[kind] ?? 0;
    this.calls[kind] = call + 1;
    // Also a plan of nothing but failures lets some calls pass.
    if (!plan[call % (plan.length + 1)]) return;
    this.made.add(kind);
    throw make();
  }
}

const faults = new Faults();
const records = new Records();

/** Seals in clear letters: whatever repeats what was sealed repeats the secret. */
class FailingCipher extends TotpSecretCipher {
  override async seal(secret: Uint8Array): Promise<string> {
    await this.fail();
    const sealed = Buffer.from(secret).toString('base64');
    records.secrets.add(sealed);
    return `clear:${sealed}`;
  }

  override async open(sealed: string): Promise<Uint8Array> {
    await this.fail();
    return Buffer.from(sealed.slice('clear:'.length), 'base64');
  }

  private async fail(): Promise<void> {
    await Promise.resolve();
    faults.mayFail('cipher', () => new Error('The key service is away.'));
  }
}

class FailingSessions extends RequestSessionAdapter {
  protected override createSession(request: unknown, user: RequestUser): FailingSession {
    const handle = this.getHandle(this.getStore(request));
    return new FailingSession({ ...user, handle }, () => this.getStore(request));
  }
}

class FailingSession extends RequestSession {
  override async completedAt(): Promise<number | undefined> {
    faults.mayFail('session', () => new Error('The session store is away.'));
    return super.completedAt();
  }

  override async complete(at: number): Promise<void> {
    faults.mayFail('session', () => new Error('The session store is away.'));
    return super.complete(at);
  }
}

class FailingPublisher extends TotpEventPublisher {
  override publish(): void {
    faults.mayFail('publisher', () => new Error('The broker is away.'));
  }
}

/** As TypeORM reports it, with all that the statement was given; also when the statement was done and the reply was lost. */
function failStatements(): void {
  const original = DataSource.prototype.createQueryRunner;
  const failing = new WeakSet<object>();
  jest.spyOn(DataSource.prototype, 'createQueryRunner').mockImplementation(function (this: DataSource, ...mode) {
    const runner = original.apply(this, mode);
    // For SQLite it is the same one each time.
    if (failing.has(runner)) return runner;
    failing.add(runner);
    const query = runner.query.bind(runner);
    const fail = (sql: string, values: readonly unknown[]) => {
      const driverError = Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET', values });
      faults.mayFail(
        sql.startsWith('SELECT') ? 'read' : 'write',
        () => new QueryFailedError(sql, [...values], driverError),
      );
    };
    Object.assign(runner, {
      query: async (sql: string, values: unknown[] = []) => {
        fail(sql, values);
        const result = await query(sql, values, true);
        fail(sql, values);
        return result;
      },
    });
    return runner;
  });
}

describe.each(everywhere.filter(({ name }) => name.endsWith('SQLite')))('$name, where anything fails', (where) => {
  const log = new Log();
  const application = useApplication({
    platform: where.platform,
    open: where.open,
    options: {
      maxDevices: MAX_DEVICES,
      trustedBrowsers: { max: MAX_BROWSERS },
      providers: [
        { provide: TotpSecretCipher, useClass: FailingCipher },
        { provide: TotpSessionAdapter, useClass: FailingSessions },
      ],
    },
    customise: (builder) => builder.overrideProvider(TotpEventPublisher).useClass(FailingPublisher),
    configure: (app) => {
      log.open();
      app.useLogger(log.logger);
      failStatements();
    },
  });
  beforeAll(() => (log.lines.length = 0));
  afterAll(() => jest.restoreAllMocks());

  it(
    'L8: answers as documented, or that there was a fault and no more',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          anyPast,
          fc.array(wellFormedRequest(2_000), { minLength: 1, maxLength: 20, size: 'max' }),
          anyPlan,
          async (past, requests, plan) => {
            faults.follow({});
            const somebody = new Visitor(
              application(),
              records,
              randomUUID(),
              (reply) => reply.status === 500 && reply.body === '{"statusCode":500,"message":"Internal server error"}',
            );
            await somebody.live(past);
            faults.follow(plan);
            for (const request of requests) await somebody.send(request);
          },
        ),
        settings(0.5),
      );
    },
    PATIENCE,
  );

  it('S4: has logged the faults, without anything secret and on lines of its own', () => {
    expect([...faults.made].sort()).toEqual(['cipher', 'publisher', 'read', 'session', 'write']);
    const logged = log.lines.join('\n');
    expect(logged).toContain('A TOTP statement failed: the connection was lost');
    expect(logged).toContain('The key service is away');
    expect(logged).toContain('The session store is away');
    expect(logged).toContain('TotpEventPublisher failed to publish totp.');
    expect(log.problems(records)).toEqual([]);
  });
});
