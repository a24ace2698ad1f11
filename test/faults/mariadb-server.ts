/** A MariaDB server that a test starts for itself. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenDatabase } from '../support/databases.js';
import { type End, pathOf, place, readiness } from './server-process.js';

export const MARIADBD = pathOf('mariadbd');

const isRoot = process.getuid?.() === 0;

interface Settings {
  /** As whom a server runs that root starts. */
  readonly user: 'root' | 'mysql';
  /** Options of the server. */
  readonly flags: readonly string[];
  /** What it prints when it is ready. */
  readonly readyWords: string;
}

export class MariaDbServer {
  private server: ChildProcess | undefined;
  private isStarted = false;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly settings: Settings,
  ) {}

  /** Not started yet. */
  static async prepare(settings: Settings): Promise<MariaDbServer> {
    const { folder, port } = await place();
    // The database in which Galera keeps tables of its own, and has to find it.
    const ownDatabase = join(folder, 'mysql');
    await mkdir(ownDatabase);
    if (isRoot && settings.user !== 'root') {
      const id = (option: string) => Number(execFileSync('id', [option, settings.user], { encoding: 'utf8' }));
      for (const path of [folder, ownDatabase]) await chown(path, id('-u'), id('-g'));
    }
    return new MariaDbServer(folder, port, settings);
  }

  /** Whether it takes calls. */
  get isReady(): boolean {
    return this.isStarted && this.isRunning;
  }

  private get isRunning(): boolean {
    return this.server?.exitCode === null && this.server.signalCode === null;
  }

  /** Without the name of a database. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}`;
  }

  get options(): OpenDatabase['options'] {
    return { type: 'mariadb', host: '127.0.0.1', port: this.port, username: 'root', database: 'totp' };
  }

  /** Resolves when it is ready. */
  async start(...more: readonly string[]): Promise<void> {
    const { user, flags, readyWords } = this.settings;
    this.server = spawn(
      MARIADBD ?? 'mariadbd',
      [
        '--no-defaults',
        ...(isRoot ? [`--user=${user}`] : []),
        `--datadir=${this.folder}`,
        `--socket=${join(this.folder, 'socket')}`,
        '--bind-address=127.0.0.1',
        `--port=${this.port}`,
        // No accounts: the server then needs no tables of its own, and nobody else knows of it.
        '--skip-grant-tables',
        // Written at each commit; only a crash of the whole machine would need fsync.
        '--innodb-flush-log-at-trx-commit=2',
        '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=8M',
        ...flags,
        ...more,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await readiness(this.server, 'MariaDB', readyWords);
    this.isStarted = true;
  }

  async end(how: End): Promise<void> {
    if (this.server === undefined || !this.isRunning) return;
    this.isStarted = false;
    const exit = once(this.server, 'exit');
    this.server.kill(how === 'crashes' ? 'SIGKILL' : 'SIGTERM');
    await exit;
  }

  /** Stops all its work. @returns what lets it continue */
  pause(): () => void {
    const { server } = this;
    server?.kill('SIGSTOP');
    return () => server?.kill('SIGCONT');
  }

  async drop(): Promise<void> {
    await this.end('crashes');
    await rm(this.folder, { recursive: true, force: true });
  }
}
