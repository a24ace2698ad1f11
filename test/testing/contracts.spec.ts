/** The contract suites, run over the module's own providers, and over broken ones, which they must find. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import {
  type AnyTotpEvent,
  completionClaims,
  KeyRingSecretCipher,
  PlainTextSecretCipher,
  RequestSessionAdapter,
  type SecretBinding,
  TotpClaimSessionAdapter,
  TotpDatabaseSessionAdapter,
  TotpOutbox,
  TotpSecretCipher,
  TotpSession,
  TotpSessionAdapter,
  TotpTokenSessionAdapter,
  TypeOrmTotpOutbox,
} from 'nestjs-totp';
import {
  accountStoreContract,
  type ContractTest,
  InMemoryTotpAccountStore,
  outboxContract,
  type OutboxUnderTest,
  secretCipherContract,
  sessionAdapterContract,
  type SessionsUnderTest,
  TestTotpClock,
} from 'nestjs-totp/testing';
import type { EntityManager } from 'typeorm';
import { readEvent } from '../../src/events/catalogue.js';
import { databases } from '../support/databases.js';
import { embeddedEngines } from '../support/embedded-engines.js';
import { type Tables, useTables } from '../storage/tables.js';

const KEYS = { keys: { current: randomBytes(32).toString('base64') }, current: 'current' };

/** The names of the tests that an implementation does not pass. */
async function failuresOf(contract: readonly ContractTest[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of contract) {
    await run().catch(() => {
      failed.push(name);
    });
  }
  return failed;
}

describe('the contract of ciphers', () => {
  it.each(secretCipherContract(() => new KeyRingSecretCipher(KEYS)))('is kept by the key ring: $name', ({ run }) =>
    run(),
  );

  it('is broken by plain text, which hides and authenticates nothing', async () => {
    const failed = await failuresOf(secretCipherContract(() => new PlainTextSecretCipher()));
    expect(failed).toContain('what is stored does not show the secret');
    expect(failed.filter((name) => name.startsWith('a secret does not open with'))).toHaveLength(12);
    expect(failed).toContain('a secret does not open when any character of it was changed');
  });

  it.each<[string, string, string]>([
    ['the user', 'userId', 'a secret does not open with another user'],
    ['the device', 'deviceId', 'a secret does not open with another device'],
    ['the period', 'period', 'a secret does not open with another period'],
    ['the skew', 'skew', 'a secret does not open with another skew'],
    ['the purpose', 'purpose', 'a secret does not open with another purpose'],
  ])('finds a cipher that does not authenticate %s', async (_, field, name) => {
    const ring = new KeyRingSecretCipher(KEYS);
    class Careless extends TotpSecretCipher {
      seal = (secret: Uint8Array, binding: SecretBinding) => ring.seal(secret, without(binding));
      open = (sealed: string, binding: SecretBinding) => ring.open(sealed, without(binding));
    }
    const without = (binding: SecretBinding): SecretBinding => ({ ...binding, [field]: undefined });
    expect(await failuresOf(secretCipherContract(() => new Careless()))).toContain(name);
  });

  it('finds a cipher whose refusal is another error, which a caller takes for a fault of the server', async () => {
    const ring = new KeyRingSecretCipher(KEYS);
    class Rude extends TotpSecretCipher {
      seal = (secret: Uint8Array, binding: SecretBinding) => ring.seal(secret, binding);
      open = (sealed: string, binding: SecretBinding) =>
        ring.open(sealed, binding).catch(() => Promise.reject(new TypeError('bad decrypt')));
    }
    expect(await failuresOf(secretCipherContract(() => new Rude()))).toContain(
      'a secret does not open with another user',
    );
  });
});

describe('the contract of stores', () => {
  /** As the store in memory, but for what a test overrides. */
  const finds = async (store: InMemoryTotpAccountStore, name: string) => {
    expect(await failuresOf(accountStoreContract(() => store))).toContain(name);
  };

  it('finds a store that writes without looking at the revision', async () => {
    class Overwriting extends InMemoryTotpAccountStore {
      override async commit(...[userId, , account]: Parameters<InMemoryTotpAccountStore['commit']>): Promise<boolean> {
        return super.commit(userId, (await this.load(userId))?.revision ?? null, account);
      }
    }
    await finds(new Overwriting(), 'a write is refused when the account has changed since it was loaded');
  });

  it('finds a store that writes a batch one by one', async () => {
    class OneByOne extends InMemoryTotpAccountStore {
      override async commitAll(changes: Parameters<InMemoryTotpAccountStore['commitAll']>[0]): Promise<boolean> {
        for (const change of changes) if (!(await super.commitAll([change]))) return false;
        return true;
      }
    }
    await finds(new OneByOne(), 'a batch is not written at all when one of its accounts has been changed');
  });

  it('finds a store that compares user ids without case', async () => {
    class Folding extends InMemoryTotpAccountStore {
      override load(userId: string) {
        return super.load(userId.toLowerCase());
      }

      override commitAll(changes: Parameters<InMemoryTotpAccountStore['commitAll']>[0]) {
        return super.commitAll(changes.map((change) => ({ ...change, userId: change.userId.toLowerCase() })));
      }
    }
    await finds(new Folding(), 'user ids that differ in a byte are different users');
  });
});

/** Sessions of an application: in its memory, under the ids that a cookie would carry. */
function requestSessions(adapter: TotpSessionAdapter): SessionsUnderTest {
  return {
    adapter,
    anonymousRequest: () => ({ headers: {}, session: { id: randomUUID() } }),
    signIn: (userId) => {
      const [user, session] = [{ id: userId }, { id: randomUUID() }];
      return { request: () => ({ headers: {}, user, session }) };
    },
  };
}

/** Tokens of an application: the payload of one that its guard has verified. */
function tokens(adapter: TotpSessionAdapter): SessionsUnderTest {
  return {
    adapter,
    anonymousRequest: () => ({ headers: {} }),
    signIn: (userId) => {
      const claims = { sub: userId, sid: randomUUID(), exp: Date.UTC(2100, 0) / 1_000 };
      const completed = (at?: number) =>
        at === undefined ? {} : completionClaims({ method: 'totp', completedAt: at });
      return { request: (completedAt) => ({ headers: {}, user: { ...claims, ...completed(completedAt) } }) };
    },
  };
}

describe('the contract of session adapters', () => {
  it.each(sessionAdapterContract(() => requestSessions(new RequestSessionAdapter())))(
    'is kept by RequestSessionAdapter: $name',
    ({ run }) => run(),
  );

  it.each(sessionAdapterContract(() => tokens(new TotpClaimSessionAdapter())))(
    'is kept by TotpClaimSessionAdapter: $name',
    ({ run }) => run(),
  );

  /** An adapter whose session is made by a function. */
  class AdapterOf extends TotpSessionAdapter {
    constructor(private readonly sessionOf: (request: Request) => TotpSession | undefined) {
      super();
    }

    override resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
      return Promise.resolve(this.sessionOf(this.getRequest(context) as Request));
    }
  }
  interface Request {
    readonly user?: { readonly id: string };
    readonly session: { readonly id: string; at?: number };
    readonly headers: Record<string, string | undefined>;
  }
  const completions = new Map<string, number>();
  class MapSession extends TotpSession {
    constructor(
      readonly userId: string,
      readonly handle: string,
      private readonly key: string,
    ) {
      super();
    }

    override completedAt(): Promise<number | undefined> {
      return Promise.resolve(completions.get(this.key));
    }

    override complete(at: number): Promise<void> {
      completions.set(this.key, at);
      return Promise.resolve();
    }
  }

  it('finds an adapter that believes a header', async () => {
    const adapter = new AdapterOf(({ user, session, headers }) => {
      const userId = user?.id ?? headers['x-user-id'];
      return userId === undefined ? undefined : new MapSession(userId, session.id, session.id);
    });
    const failed = await failuresOf(sessionAdapterContract(() => requestSessions(adapter)));
    expect(failed).toContain('what a client writes into a request is not a session');
  });

  it('finds an adapter that keeps completions by user', async () => {
    const adapter = new AdapterOf(({ user, session }) => user && new MapSession(user.id, session.id, user.id));
    const failed = await failuresOf(sessionAdapterContract(() => requestSessions(adapter)));
    expect(failed).toContain('a completion belongs to one session only');
  });

  it('finds an adapter that reads messages', async () => {
    class MessageReader extends RequestSessionAdapter {
      protected override getRequest(context: ExecutionContext): unknown {
        return context.getArgByIndex<unknown>(0);
      }
    }
    const failed = await failuresOf(sessionAdapterContract(() => requestSessions(new MessageReader())));
    expect(failed).toEqual(['what a client writes into a message is not a session']);
  });
});

describe.each([...databases, ...embeddedEngines])('on $name, the contract', ({ open }) => {
  const tables = useTables(open);
  const clock = new TestTotpClock(Date.UTC(2026, 0, 1));

  it.each(sessionAdapterContract(() => tokens(new TotpTokenSessionAdapter(tables().completions, clock))))(
    'of session adapters is kept by TotpTokenSessionAdapter: $name',
    ({ run }) => run(),
  );

  it.each(sessionAdapterContract(() => requestSessions(new TotpDatabaseSessionAdapter(tables().completions, clock))))(
    'of session adapters is kept by TotpDatabaseSessionAdapter: $name',
    ({ run }) => run(),
  );

  const moduleOutbox = ({ own }: Tables) => new TypeOrmTotpOutbox({ open: () => Promise.resolve(own) }, () => ['mail']);
  const underTest = (outbox: TotpOutbox): OutboxUnderTest => ({
    outbox,
    dataSource: tables().own,
    storedFor: async (userId) => {
      const rows: { event: string }[] = await tables().own.query('SELECT event FROM totp_outbox ORDER BY position');
      return rows.flatMap(({ event }) => readEvent(event) ?? []).filter((event) => event.userId === userId);
    },
  });

  it.each(outboxContract(() => underTest(moduleOutbox(tables()))))(
    'of outboxes is kept by the module: $name',
    ({ run }) => run(),
  );

  it('of outboxes finds one that writes outside of the transaction', async () => {
    const elsewhere: AnyTotpEvent[] = [];
    class Detached extends TotpOutbox {
      override add(_: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
        elsewhere.push(...events);
        return Promise.resolve();
      }
    }
    const outbox = {
      ...underTest(new Detached()),
      storedFor: (userId: string) => Promise.resolve(elsewhere.filter((event) => event.userId === userId)),
    };
    expect(await failuresOf(outboxContract(() => outbox))).toEqual([
      'what is added in a transaction that is rolled back is not stored',
    ]);
  });

  it('of outboxes finds one that stores events in another order', async () => {
    const inner = moduleOutbox(tables());
    class Reversing extends TotpOutbox {
      override add(manager: EntityManager, events: readonly AnyTotpEvent[]): Promise<void> {
        return inner.add(manager, [...events].reverse());
      }
    }
    const failed = await failuresOf(outboxContract(() => underTest(new Reversing())));
    expect(failed).toContain('the events of a change are stored with it, whole and in order');
  });
});
