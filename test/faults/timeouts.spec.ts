/** Every statement of every function waits for a lock that another connection holds, until its time is over (check L8). */
import { jest } from '@jest/globals';
import { TotpStorageError } from 'nestjs-totp';
import { rowId } from '../../src/storage/sql/row-id.js';
import { databases } from '../support/databases.js';
import type { Statement } from './faulty-connection.js';
import { timeoutOf, Holder } from './held-tables.js';
import { operations } from './operations.js';
import { everyStatementMeets, Site } from './site.js';

/** removeUser is a transaction over two tables, of which only the deletion of the account waits: it has a test of its own below. */
const waiting = operations.filter(({ name }) => name !== 'removeUser');

describe.each(databases)('on $name', ({ name, open }) => {
  let site: Site;
  let holder: Holder;

  beforeAll(async () => {
    const database = await open();
    // With a write-ahead log, nobody could keep an SQLite file from being read.
    if (database.options.type === 'better-sqlite3') database.options = { ...database.options, enableWAL: false };
    site = await Site.open(database);
    holder = await Holder.connect(name, database);
  });
  beforeEach(() => {
    // The module's own patience with an SQLite file is five seconds: here each look at the clock is a second later.
    let time = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => (time += 1_000));
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await holder.leave();
    await site.shut();
  });

  const meet = (statement: Statement) => holder.letWaitInVain(statement);
  const fault = { meet, says: timeoutOf(name), leads: () => ({ isDone: false, isAnswered: false }) };
  everyStatementMeets({ ...fault, name: 'times out, as does all that follows', goesOn: true }, () => site, waiting);
  // The module tries again what found an SQLite file locked.
  if (name === 'SQLite') return;
  everyStatementMeets({ ...fault, name: 'times out' }, () => site, waiting);

  it('L8: removeUser, whose deletion waits for the row in vain, is refused, and erases nothing', async () => {
    const removal = operations.find((operation) => !waiting.includes(operation));
    if (removal === undefined) throw new Error('There is no removal.');
    const { statements } = await site.undisturbed(removal);
    const deletion = 1 + statements.findIndex((sql) => /DELETE FROM \S*totp_accounts/.test(sql));
    expect(deletion).toBeGreaterThan(1);
    const { userId, call } = await site.prepare(removal);
    const before = await site.stored(userId);
    site.events.clear();

    site.connection.meetFault(deletion, deletion, (statement) => holder.letWaitForRow(statement, rowId(userId)));
    const answer = await call(site.totp).catch((error: unknown) => error);
    site.connection.meetNoFault();

    expect(answer).toBeInstanceOf(TotpStorageError);
    expect(String(answer)).toMatch(/lock timeout|Lock wait timeout/);
    expect(site.events.events).toEqual([]);
    expect(await site.stored(userId)).toEqual(before);
    expect(await call(site.totp)).toEqual(removal.answer);
    expect(await site.stored(userId)).toBeNull();
  });
});
