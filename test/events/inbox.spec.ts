/** A consumer handles each event once, however often and however concurrently it is delivered. */
import { randomUUID } from 'node:crypto';
import {
  forgetEvents,
  rememberEvent,
  TOTP_INBOX_ENTITIES,
  TOTP_INBOX_MIGRATIONS,
  TotpArgumentError,
  TotpConfigurationError,
  TotpStorageError,
} from 'nestjs-totp';
import { DataSource } from 'typeorm';
import { databases, type OpenDatabase } from '../support/databases.js';
import { Gate } from './outbox-harness.js';

const servers = databases.filter(({ name }) => name !== 'SQLite');

describe.each(servers)('the inbox of a consumer on $name', ({ name, open }) => {
  let database: OpenDatabase;
  /** Those of two processes. */
  let first: DataSource;
  let second: DataSource;

  const connect = () =>
    new DataSource({
      ...database.options,
      entities: TOTP_INBOX_ENTITIES,
      migrations: TOTP_INBOX_MIGRATIONS,
    }).initialize();

  beforeAll(async () => {
    database = await open();
    [first, second] = [await connect(), await connect()];
    await first.runMigrations();
    await first.query('CREATE TABLE handled (consumer varchar(400), event_id varchar(64))');
  });
  beforeEach(async () => {
    await first.query('DELETE FROM handled');
    await first.query('DELETE FROM totp_inbox');
  });
  afterAll(async () => {
    await first.destroy();
    await second.destroy();
    await database.drop();
  });

  /** Handles an event, unless it was handled before; whether it did. */
  const handle = (dataSource: DataSource, eventId: string, consumer = 'billing', work = () => Promise.resolve()) =>
    dataSource.transaction(async (manager) => {
      if (!(await rememberEvent(manager, { consumer, eventId }))) return false;
      await manager.query(`INSERT INTO handled (consumer, event_id) VALUES ('${consumer}', '${eventId}')`);
      await work();
      return true;
    });
  const handled = async () => {
    const rows: { consumer: string }[] = await first.query('SELECT consumer FROM handled ORDER BY consumer');
    return rows.map(({ consumer }) => consumer);
  };

  it('an event is handled once by each consumer', async () => {
    const id = randomUUID();
    expect(await handle(first, id)).toBe(true);
    expect(await handle(second, id)).toBe(false);
    expect(await handle(second, id, 'mail')).toBe(true);
    expect(await handle(first, randomUUID())).toBe(true);
    expect(await handled()).toEqual(['billing', 'billing', 'mail']);
  });

  it('an event whose handling failed is handled when it is redelivered', async () => {
    const id = randomUUID();
    await expect(handle(first, id, 'billing', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await handled()).toEqual([]);
    expect(await handle(second, id)).toBe(true);
    expect(await handled()).toEqual(['billing']);
  });

  it('is empty again after its migration is reverted and run', async () => {
    await handle(first, randomUUID());
    await first.undoLastMigration();
    await first.runMigrations();
    expect(await first.query('SELECT id FROM totp_inbox')).toEqual([]);
  });

  it('forgets what was handled longer ago than it is told', async () => {
    const [old, recent] = [randomUUID(), randomUUID()];
    await handle(first, old);
    await first.query('UPDATE totp_inbox SET handled_at = handled_at - 7200000');
    await handle(first, recent);
    expect(await forgetEvents(first.manager, '3h')).toBe(0);
    expect(await forgetEvents(first.manager, '1h')).toBe(1);
    expect(await handle(first, recent)).toBe(false);
    expect(await handle(first, old)).toBe(true);
    expect(await first.transaction((manager) => forgetEvents(manager, 0))).toBe(2);
  });

  it('tells names and ids apart that differ in case, in an accent, in white space or in length', async () => {
    const [id, long] = [randomUUID(), 'x'.repeat(300)];
    const names = ['billing', 'Billing', 'bílling', 'billing ', long, `${long}y`];
    for (const consumer of names) expect([consumer, await handle(first, id, consumer)]).toEqual([consumer, true]);
    for (const consumer of names) expect([consumer, await handle(first, id, consumer)]).toEqual([consumer, false]);
    for (const eventId of ['a', 'A', 'á', 'a '])
      expect([eventId, await handle(first, eventId)]).toEqual([eventId, true]);
    expect(await handle(first, 'c', 'a:b')).toBe(true);
    expect(await handle(first, 'b:c', 'a')).toBe(true);
  });

  // PostgreSQL never ends a transaction by itself.
  (name === 'PostgreSQL' ? it.skip : it)('remembers nothing in a transaction that the server has ended', async () => {
    const id = randomUUID();
    const handling = first.transaction(async (manager) => {
      // As after a deadlock: TypeORM still takes the transaction for open.
      await manager.query('ROLLBACK');
      await rememberEvent(manager, { consumer: 'billing', eventId: id });
    });
    await expect(handling).rejects.toThrow(TotpStorageError);
    expect(await handle(second, id)).toBe(true);
  });

  it('needs a transaction, a name and an id', async () => {
    const event = { consumer: 'billing', eventId: randomUUID() };
    await expect(rememberEvent(first.manager, event)).rejects.toThrow(/write dataSource\.transaction/);
    const runner = first.createQueryRunner();
    await expect(rememberEvent(runner.manager, event)).rejects.toThrow(TotpArgumentError);
    await runner.release();
    await first.transaction(async (manager) => {
      for (const wrong of ['', undefined as never]) {
        await expect(rememberEvent(manager, { ...event, consumer: wrong })).rejects.toThrow('consumer must be');
        await expect(rememberEvent(manager, { ...event, eventId: wrong })).rejects.toThrow('eventId must be');
      }
    });
    await expect(forgetEvents(first.manager, NaN)).rejects.toThrow('olderThan is not a duration');
  });

  it('names the entities that a data source lacks', async () => {
    const other = await new DataSource(database.options).initialize();
    await expect(handle(other, randomUUID())).rejects.toThrow(/entities: \[\.\.\.TOTP_INBOX_ENTITIES/);
    await other.destroy();
  });
});

it('the inbox of a consumer is refused on SQLite, where one transaction may undo another', async () => {
  const database = await databases[0].open();
  const dataSource = await new DataSource({ ...database.options, entities: TOTP_INBOX_ENTITIES }).initialize();
  const remembering = dataSource.transaction((manager) =>
    rememberEvent(manager, { consumer: 'billing', eventId: 'a' }),
  );
  await expect(remembering).rejects.toThrow(/needs PostgreSQL, MySQL or MariaDB/);
  await expect(remembering).rejects.toThrow(TotpConfigurationError);
  await dataSource.destroy();
  await database.drop();
});

describe.each(servers)('two deliveries at a time on $name', ({ open }) => {
  it.each([
    ['waits for the first one, and handles nothing when that commits', true],
    ['handles the event when the first one is rolled back', false],
  ])('the second one %s', async (_, isCommitted) => {
    const database = await open();
    const dataSource = await new DataSource({
      ...database.options,
      entities: TOTP_INBOX_ENTITIES,
      migrations: TOTP_INBOX_MIGRATIONS,
    }).initialize();
    await dataSource.runMigrations();
    const event = { consumer: 'billing', eventId: randomUUID() };
    const gate = new Gate();
    const first = dataSource.transaction(async (manager) => {
      const isFirst = await rememberEvent(manager, event);
      await gate.pass();
      if (!isCommitted) throw new Error('rolled back');
      return isFirst;
    });
    await gate.reached;
    let isOver = false;
    const second = dataSource.transaction((manager) => rememberEvent(manager, event)).finally(() => (isOver = true));
    // Other calls get their answers meanwhile.
    for (let n = 0; n < 5; n++) await dataSource.query('SELECT 1');
    expect(isOver).toBe(false);
    gate.open();
    expect((await Promise.allSettled([first]))[0].status).toBe(isCommitted ? 'fulfilled' : 'rejected');
    expect(await second).toBe(!isCommitted);
    await dataSource.destroy();
    await database.drop();
  });
});
