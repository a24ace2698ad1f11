/** A service whose statements meet faults, and what another connection finds in the database afterwards. */
import { randomUUID } from 'node:crypto';
import {
  type Account,
  type LoadedAccount,
  TOTP_ENTITIES,
  type TotpAccountStore,
  type TotpOutbox,
  type TotpService,
  TotpStorageError,
} from 'nestjs-totp';
import { TestTotpClock, TotpEventRecorder } from 'nestjs-totp/testing';
import type { DataSource } from 'typeorm';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { connect } from '../storage/tables.js';
import { recipeOver } from '../support/recipe.js';
import type { OpenDatabase, TestDatabase, TestDataSourceOptions } from '../support/databases.js';
import { FaultyConnection, isNotSent, losesItsReply, type Meet } from './faulty-connection.js';
import { type Call, type Operation, operations } from './operations.js';
import { type Cut, TcpProxy } from './tcp-proxy.js';

/** A fault that one statement meets, or that one and all after it. */
export interface Fault {
  /** What becomes of the statement. */
  readonly name: string;
  readonly meet: Meet;
  /** What the driver then says. */
  readonly says: RegExp;
  /** Until the call is over. */
  readonly goesOn?: boolean;
  /** What the fault does to a call whose n-th statement met it first. */
  readonly leads: (
    statement: string,
    all: readonly string[],
  ) => { readonly isDone: boolean; readonly isAnswered: boolean };
}

/** What an operation does when nothing goes wrong. */
interface Undisturbed {
  readonly statements: readonly string[];
  readonly after: unknown;
  readonly again: unknown;
}

export class Site {
  readonly events = new TotpEventRecorder();
  readonly connection: FaultyConnection;
  /** The service whose statements meet faults. */
  readonly totp: TotpService;
  /** The store whose statements meet faults. */
  readonly store: TotpAccountStore;
  private readonly known = new Map<Operation, Undisturbed>();

  private constructor(
    faulty: DataSource,
    /** Another connection, which meets no faults. */
    readonly observer: DataSource,
    private readonly close: () => Promise<void>,
  ) {
    this.connection = new FaultyConnection(faulty);
    this.store = new TypeOrmTotpAccountStore(faulty);
    this.totp = serviceOver(faulty, this.events, new TestTotpClock());
  }

  /** @param port where the service whose statements meet faults finds the server, if not at its own port */
  static async open(opened: OpenDatabase, port?: number): Promise<Site> {
    const database = { ...opened, options: hasty(opened.options) };
    const observer = await connect(database);
    await observer.runMigrations();
    const { options } = database;
    const reached = port === undefined || options.type === 'better-sqlite3' ? options : { ...options, port };
    const application = await connect({ ...database, options: reached });
    const connection = new StoreConnection(application, TOTP_ENTITIES);
    return new Site(await connection.open(), observer, async () => {
      await connection.onApplicationShutdown();
      await application.destroy();
      await observer.destroy();
      await database.drop();
    });
  }

  shut(): Promise<void> {
    return this.close();
  }

  /** What a service that has just started reads of a user, with the mark that every write changes. */
  stored(userId: string): Promise<LoadedAccount | null> {
    return new TypeOrmTotpAccountStore(this.observer).load(userId);
  }

  /** The user's account without what is different by chance. */
  async account(userId: string): Promise<unknown> {
    const loaded = await this.stored(userId);
    return loaded && withoutChance(loaded.account);
  }

  async prepare(operation: Operation): Promise<{ userId: string; call: Call }> {
    const userId = randomUUID();
    const clock = new TestTotpClock();
    const totp = this.undisturbedService(clock);
    return { userId, call: await operation.prepare({ totp, clock, userId }) };
  }

  /** The operation's call, made and made again with nothing going wrong. */
  async undisturbed(operation: Operation): Promise<Undisturbed> {
    const known = this.known.get(operation);
    if (known !== undefined) return known;
    const { userId, call } = await this.prepare(operation);
    this.connection.meetNoFault();
    this.events.clear();
    expect(await call(this.totp)).toEqual(operation.answer);
    expect(this.events.events.map(({ name }) => name)).toEqual(operation.events);
    const statements = [...this.connection.statements];
    const after = await this.account(userId);
    expect(await call(this.totp)).toEqual(operation.again);
    const undisturbed = { statements, after, again: await this.account(userId) };
    this.known.set(operation, undisturbed);
    return undisturbed;
  }

  /** A service that has just started, and meets no faults. */
  undisturbedService(clock = new TestTotpClock()): TotpService {
    return serviceOver(this.observer, new TotpEventRecorder(), clock);
  }
}

/** @param outbox where all events go that are committed with a change */
export function serviceOver(
  dataSource: DataSource,
  events: TotpEventRecorder,
  clock: TestTotpClock,
  outbox?: TotpOutbox,
): TotpService {
  const options = outbox === undefined ? {} : { events: { outbox: true, codeEvents: true } };
  const store = new TypeOrmTotpAccountStore(dataSource, outbox);
  return recipeOver({ store, clock, publisher: events, trustedBrowsers: {}, ...options }).totp;
}

/** One site for all tests of a `describe`, and what breaks the way to its database. */
export function useSite({ name, open }: TestDatabase): { site: () => Site; breaks: (cut: Cut) => Meet } {
  let site: Site;
  let proxy: TcpProxy | undefined;
  beforeAll(async () => {
    const database = await open();
    if (name !== 'SQLite') proxy = await TcpProxy.to(database);
    site = await Site.open(database, proxy?.port);
  });
  afterAll(async () => {
    await site.shut();
    await proxy?.close();
  });
  return {
    site: () => site,
    breaks: (cut) => (statement) => {
      proxy?.cutNext(statement.sql, cut);
      // There is no network to an SQLite file: there, the driver is made to fail, but for what it always does.
      if (proxy !== undefined || statement.sql === 'ROLLBACK') return statement.send();
      return cut === 'before the statement' ? isNotSent(statement) : losesItsReply(statement);
    },
  };
}

/** No server and no machine fails in these tests, so writes need not wait for the disk. */
export function hasty(options: TestDataSourceOptions): TestDataSourceOptions {
  switch (options.type) {
    case 'better-sqlite3': {
      const prepareDatabase = (file: { pragma(sql: string): void }) => {
        file.pragma('synchronous = OFF');
      };
      return { ...options, prepareDatabase };
    }
    case 'postgres':
      return { ...options, extra: { options: '-c synchronous_commit=off' } };
    default:
      return options;
  }
}

function withoutChance({ devices, recoveryCodes, temporaryCode, trustedBrowsers, ...account }: Account): object {
  const withoutHashes = <Set extends { readonly id: string; readonly sealedHashes: string }>(set: Set | null) =>
    set && { ...set, id: set.id.length, sealedHashes: set.sealedHashes.length };
  return {
    ...account,
    devices: devices.map((device) => ({ ...device, id: device.id.length, sealedSecret: device.sealedSecret.length })),
    recoveryCodes: withoutHashes(recoveryCodes),
    temporaryCode: withoutHashes(temporaryCode),
    trustedBrowsers: trustedBrowsers.map((browser) => ({ ...browser, id: browser.id.length, tokenHash: '' })),
  };
}

/**
 * Every operation, with every one of its statements meeting the fault: the call has happened or it has not. It has happened
 * if it was answered. Otherwise it throws, no event reports it, and what is stored is what was there before,
 * untouched, or what is there after an undisturbed call. Made again, it is answered as if nothing had been.
 */
export function everyStatementMeets(fault: Fault, site: () => Site, some: readonly Operation[] = operations): void {
  it.each(some)(`L8: $name, each of whose statements ${fault.name}`, async (operation) => {
    const { connection, totp, events } = site();
    const undisturbed = await site().undisturbed(operation);
    const prepared = await Promise.all(
      undisturbed.statements.map(async (statement) => ({ statement, ...(await site().prepare(operation)) })),
    );
    for (const [index, { statement, userId, call }] of prepared.entries()) {
      const n = index + 1;
      const before = await site().stored(userId);
      events.clear();

      connection.meetFault(n, fault.goesOn ? Infinity : n, fault.meet);
      const answer = await call(totp).catch((error: unknown) => error);
      connection.meetNoFault();

      const { isDone, isAnswered } = fault.leads(statement, undisturbed.statements);
      if (isAnswered) expect({ n, answer }).toEqual({ n, answer: operation.answer });
      else {
        expect(answer).toBeInstanceOf(TotpStorageError);
        expect({ n, answer }).toMatchObject({
          n,
          answer: { code: 'TOTP_STORAGE', message: expect.stringMatching(fault.says) },
        });
      }
      expect({ n, events: events.events.map(({ name }) => name) }).toEqual({
        n,
        events: isAnswered ? operation.events : [],
      });
      if (isDone) expect({ n, account: await site().account(userId) }).toEqual({ n, account: undisturbed.after });
      else expect({ n, stored: await site().stored(userId) }).toEqual({ n, stored: before });

      expect({ n, retried: await call(totp) }).toEqual({ n, retried: isDone ? operation.again : operation.answer });
      expect({ n, account: await site().account(userId) }).toEqual({
        n,
        account: isDone ? undisturbed.again : undisturbed.after,
      });
    }
  });
}
