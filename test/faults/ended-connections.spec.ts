/** The server ends connections at any moment: statements fail, and the process goes on (check L8). */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { account } from '../support/accounts.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { connect } from '../storage/tables.js';
import { endSession } from './end-session.js';
import { TcpProxy } from './tcp-proxy.js';

const ROUNDS = 20;
const servers = databases.filter(({ name }) => name !== 'SQLite');

describe.each(servers)('a process whose connections to $name are ended', ({ open }) => {
  let database: OpenDatabase;
  let observer: DataSource;
  let proxy: TcpProxy;
  beforeAll(async () => {
    database = await open();
    observer = await connect(database);
    await observer.runMigrations();
    proxy = await TcpProxy.to(database);
  });
  afterAll(async () => {
    await proxy.close();
    await observer.destroy();
    await database.drop();
  });

  /** @returns how the process ended, and what became of its statements */
  async function work(interfere: (worker: ChildProcess) => void) {
    const options = { ...database.options, port: proxy.port, poolSize: 2 };
    const worker = fork(join('test', 'faults', 'ended-connections.js'), {
      env: { ...process.env, TOTP_DATABASE: JSON.stringify(options) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    worker.stderr?.on('data', (bytes) => (said += String(bytes)));
    const exit = once(worker, 'exit');
    await Promise.race([once(worker, 'message'), exit]);
    interfere(worker);
    worker.send({ rounds: ROUNDS, account: account([]) });
    const outcomes = await Promise.race([once(worker, 'message').then(([message]) => message as object), exit]);
    proxy.plan = undefined;
    const [code] = await exit;
    return { code, said, outcomes };
  }

  const survived = {
    code: 0,
    said: expect.not.stringContaining('Unhandled'),
    outcomes: { fulfilled: expect.any(Number) },
  };

  it.each(['after the reply', 'before the reply', 'before the statement'] as const)(
    'L8: goes on when every third statement is the last of its connection (cut %s)',
    async (cut) => {
      let statements = 0;
      const result = await work(() => {
        proxy.plan = () => (++statements % 3 === 0 ? { cut } : undefined);
      });
      expect(result).toMatchObject(survived);
      expect(result.outcomes).toMatchObject({ rejected: expect.any(Number) });
    },
  );

  it('L8: goes on when the server ends its sessions over and over', async () => {
    let isOver = false;
    let killing = Promise.resolve();
    const result = await work((worker) => {
      worker.once('exit', () => (isOver = true));
      killing = (async () => {
        while (!isOver) await endSession(observer);
      })();
    });
    await killing;
    expect(result).toMatchObject(survived);
  });
});
