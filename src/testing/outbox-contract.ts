/** The promises of a `TotpOutbox`, as tests for an application's own outbox. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { type Account, NEW_ACCOUNT } from '../accounts/account.js';
import { type AnyTotpEvent, toEvent } from '../events/catalogue.js';
import type { TotpOutbox } from '../outbox/outbox.js';
import { TypeOrmTotpAccountStore } from '../storage/typeorm-account-store.js';
import type { ContractTest } from './contract.js';

const NOW = Date.UTC(2026, 0, 1);

/** An outbox, and how its contents are read. */
export interface OutboxUnderTest {
  readonly outbox: TotpOutbox;
  /** Knows `TOTP_ENTITIES`, and the tables that the outbox writes to. */
  readonly dataSource: DataSource;
  /** The events of a user that the outbox stores, in the order in which it delivers them. */
  readonly storedFor: (userId: string) => Promise<readonly AnyTotpEvent[]>;
}

/**
 * The promises of `TotpOutbox`: the events of a change are stored with it or not at all, whole, and in their order.
 *
 * Run it over the database that you use in production, and let no relay run meanwhile.
 *
 * @param open called by each test
 */
export function outboxContract(open: () => OutboxUnderTest | Promise<OutboxUnderTest>): readonly ContractTest[] {
  const tests: readonly (readonly [name: string, run: (subject: Subject) => Promise<void>])[] = [
    ['the events of a change are stored with it, whole and in order', storesInOrder],
    ['later events of a user follow the earlier ones', storesLaterEvents],
    ['the events of a user who was erased and created again follow the earlier ones', storesAfterErasure],
    ['a change that is refused stores no event', storesNothingOfRefused],
    ['of 20 concurrent changes of one account, the events of one are stored', storesOneOfMany],
    ['the events of a batch are stored with it, for each user in order', storesBatches],
    ['a batch that is refused stores no event', storesNothingOfRefusedBatch],
    ['what is added in a transaction that is rolled back is not stored', isRolledBack],
    ['committed() does not throw', committedReturns],
  ];
  return tests.map(([name, run]) => ({
    name,
    run: async () => {
      const underTest = await open();
      await run({ ...underTest, store: new TypeOrmTotpAccountStore(underTest.dataSource, underTest.outbox) });
    },
  }));
}

interface Subject extends OutboxUnderTest {
  readonly store: TypeOrmTotpAccountStore;
}

/** As JSON, in which events are stored: it has no `undefined`. */
function same(stored: readonly AnyTotpEvent[], expected: readonly AnyTotpEvent[] = []): void {
  assert.deepEqual(JSON.parse(JSON.stringify(stored)), JSON.parse(JSON.stringify(expected)));
}

async function storesInOrder({ store, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  const events = eventsOf(userId, 12);
  assert.equal(await store.commit(userId, null, numbered(1), events), true);
  same(await storedFor(userId), events);
}

async function storesLaterEvents({ store, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  const all: AnyTotpEvent[] = [];
  for (let n = 1; n <= 5; n++) {
    // Earlier by the clock than those before them: their order is that of the changes.
    const events = eventsOf(userId, 2, NOW - n);
    const revision = (await store.load(userId))?.revision ?? null;
    assert.equal(await store.commit(userId, revision, numbered(n), events), true);
    all.push(...events);
  }
  same(await storedFor(userId), all);
}

async function storesAfterErasure({ store, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  const all: AnyTotpEvent[] = [];
  for (const account of [numbered(1), numbered(2), 'erased', numbered(1), 'erased', numbered(1)] as const) {
    const events =
      account === 'erased'
        ? [toEvent({ name: 'totp.user.removed', devicesRemoved: 1 }, { occurredAt: NOW, userId, tenantId: 'public' })]
        : eventsOf(userId, 2);
    const revision = (await store.load(userId))?.revision ?? null;
    assert.equal(await store.commit(userId, revision, account, events), true);
    all.push(...events);
  }
  same(await storedFor(userId), all);
}

async function storesNothingOfRefused({ store, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  await store.commit(userId, null, numbered(1));
  assert.equal(await store.commit(userId, randomUUID(), numbered(2), eventsOf(userId, 3)), false);
  assert.equal(await store.commit(userId, null, numbered(2), eventsOf(userId, 3)), false);
  same(await storedFor(userId), []);
  assert.deepEqual((await store.load(userId))?.account, numbered(1));
}

async function storesOneOfMany({ store, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  await store.commit(userId, null, numbered(0));
  const revision = (await store.load(userId))?.revision ?? null;
  const attempts = Array.from({ length: 20 }, () => eventsOf(userId, 2));
  const written = await Promise.all(attempts.map((events, n) => store.commit(userId, revision, numbered(n), events)));
  assert.equal(written.filter(Boolean).length, 1);
  same(await storedFor(userId), attempts[written.indexOf(true)]);
}

async function storesBatches({ store, storedFor }: Subject): Promise<void> {
  const [ann, bob] = [randomUUID(), randomUUID()];
  const [ofAnn, ofBob] = [eventsOf(ann, 3), eventsOf(bob, 3)];
  const mixed = ofAnn.flatMap((event, n) => [event, ...ofBob.slice(n, n + 1)]);
  const changes = [ann, bob].map((userId) => ({ userId, revision: null, account: numbered(1) }));
  assert.equal(await store.commitAll(changes, mixed), true);
  same(await storedFor(ann), ofAnn);
  same(await storedFor(bob), ofBob);
}

async function storesNothingOfRefusedBatch({ store, storedFor }: Subject): Promise<void> {
  const [ann, bob] = [randomUUID(), randomUUID()];
  await store.commit(bob, null, numbered(1));
  const changes = [ann, bob].map((userId) => ({ userId, revision: null, account: numbered(2) }));
  assert.equal(await store.commitAll(changes, [...eventsOf(ann, 2), ...eventsOf(bob, 2)]), false);
  same(await storedFor(ann), []);
  same(await storedFor(bob), []);
  assert.equal(await store.load(ann), null);
}

async function isRolledBack({ outbox, dataSource, storedFor }: Subject): Promise<void> {
  const userId = randomUUID();
  const rollback = new Error('rolled back by the test');
  const transaction = dataSource.transaction(async (manager) => {
    await outbox.add(manager, eventsOf(userId, 2));
    throw rollback;
  });
  await assert.rejects(transaction, (error) => error === rollback);
  same(await storedFor(userId), []);
}

async function committedReturns({ outbox }: Subject): Promise<void> {
  assert.doesNotThrow(() => {
    outbox.committed();
  });
  return Promise.resolve();
}

function eventsOf(userId: string, count: number, occurredAt = NOW): AnyTotpEvent[] {
  return Array.from({ length: count }, (_, n) =>
    toEvent(
      {
        name: 'totp.device.created',
        deviceId: randomUUID(),
        deviceName: `ä"📱 ${String(n)}`,
        replaced: false,
        imported: false,
      },
      { occurredAt, userId, tenantId: 'public', sessionHandle: 'session' },
    ),
  );
}

function numbered(n: number): Account {
  return { ...NEW_ACCOUNT, usedUntil: n };
}
