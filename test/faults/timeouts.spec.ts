/** Every statement of every function waits for a lock that another connection holds, until its time is over (check L8). */
import { jest } from '@jest/globals';
import { databases } from '../support/databases.js';
import type { Statement } from './faulty-connection.js';
import { timeoutOf, Holder } from './held-tables.js';
import { operations } from './operations.js';
import { everyStatementMeets, Site } from './site.js';

/** removeUser is a transaction over two tables: its other statements do not wait for the held one. See statements.spec.ts. */
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
  if (name !== 'SQLite') everyStatementMeets({ ...fault, name: 'times out' }, () => site, waiting);
});
