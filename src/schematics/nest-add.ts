/** `nest add nestjs-totp`: adds the module, its tables and a key to an application, and says what to do next. */
import { randomBytes } from 'node:crypto';
import { Application, type SignInGuard } from './application.js';
import { type Rule, type SchematicContext, type Tree, write } from './host.js';
import type { SourceFile } from './source-file.js';
import { environmentLines, optionsFile, signInGuardFile, SQLITE_MODULE } from './templates.js';

export interface NestAddOptions {
  /** The folder of the application's source files, default `src`. */
  readonly sourceRoot?: string;
  /** Whether to leave out the installation of the dependencies that are added, default false. */
  readonly skipInstall?: boolean;
}

/** The first versions of the peers that suit a major version of Nest. */
const PEERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  11: { '@nestjs/event-emitter': '^3.0.0', '@nestjs/typeorm': '^11.0.0', typeorm: '^1.0.0' },
  12: { '@nestjs/event-emitter': '^12.0.0', '@nestjs/typeorm': '^12.0.0', typeorm: '^1.0.0' },
};
const SQLITE = { 'better-sqlite3': '^12.0.0' };
const DEMO_USER = 'ann';

/** The factory that Nest's CLI calls. */
export function nestAdd({ sourceRoot = 'src', skipInstall = false }: NestAddOptions): Rule {
  return (tree, context) => {
    const application = new Application(tree, sourceRoot);
    if (application.filesWith('TotpModule.forRoot').length > 0) {
      context.logger.info('TotpModule is already part of this application: nothing was changed.');
      return;
    }
    new Addition(tree, context, application).run(skipInstall);
  };
}

/** The changes to one application. */
class Addition {
  private readonly files = new Map<string, SourceFile>();
  /** What the application's developer still has to write. */
  private readonly advice: string[] = [];
  private readonly guard: SignInGuard;
  private readonly hasOwnGuard: boolean;

  constructor(
    private readonly tree: Tree,
    private readonly context: SchematicContext,
    private readonly application: Application,
  ) {
    const own = application.signInGuard();
    this.hasOwnGuard = own !== undefined;
    this.guard = own ?? { name: 'SignInGuard', path: this.pathOf('sign-in.guard.ts') };
  }

  run(skipInstall: boolean): void {
    const isNewDataSource = this.addModule();
    this.writeOptions();
    this.writeEnvironment(isNewDataSource);
    const { nestVersion } = this.application;
    const peers = PEERS[nestVersion] ?? PEERS[12];
    write(
      this.tree,
      '/package.json',
      this.application.withDependencies({ ...peers, ...(isNewDataSource ? SQLITE : {}) }),
    );
    for (const file of this.files.values()) this.tree.overwrite(file.path, file.edited());
    if (!skipInstall) this.install();
    this.explain();
  }

  private pathOf(file: string): string {
    return `/${this.application.sourceRoot}/totp/${file}`;
  }

  /** One object for all edits of a file. */
  private file(path: string): SourceFile {
    const file = this.files.get(path) ?? this.application.open(path);
    this.files.set(path, file);
    return file;
  }

  /** @returns whether the application had no data source, and has one now */
  private addModule(): boolean {
    const { application } = this;
    const { className, path } = application.rootModule();
    const root = this.file(path);
    const imports: string[] = [];
    const hasDataSource = this.extendDataSource();
    if (!hasDataSource) {
      imports.push(SQLITE_MODULE);
      root.addImport('TypeOrmModule', '@nestjs/typeorm');
      for (const tables of ['TOTP_ENTITIES', 'TOTP_MIGRATIONS']) root.addImport(tables, 'nestjs-totp');
    }
    if (application.filesWith('EventEmitterModule.forRoot').length === 0) {
      imports.push('EventEmitterModule.forRoot()');
      root.addImport('EventEmitterModule', '@nestjs/event-emitter');
    }
    imports.push('TotpModule.forRoot(totpOptions)');
    root.addImport('TotpModule', 'nestjs-totp');
    root.addImport('totpOptions', application.specifier(path, this.pathOf('totp.options.ts')));
    const metadata = root.moduleMetadata(className);
    if (metadata === undefined || !root.addElements(metadata, 'imports', imports)) {
      this.advice.push(`Add to the imports of ${className}: ${imports.join(', ')}`);
    }
    return !hasDataSource;
  }

  /** Adds the tables to the application's data source. @returns whether there is one */
  private extendDataSource(): boolean {
    const [path] = this.application.filesWith('TypeOrmModule.forRoot');
    if (path === undefined) return false;
    const file = this.file(path);
    const [call] = file.calls('TypeOrmModule.forRoot');
    const options = call && file.optionsOf(call);
    for (const [name, tables] of [
      ['entities', 'TOTP_ENTITIES'],
      ['migrations', 'TOTP_MIGRATIONS'],
    ] as const) {
      if (options !== undefined && file.addElements(options, name, [`...${tables}`]))
        file.addImport(tables, 'nestjs-totp');
      else this.advice.push(`Add ...${tables} to the ${name} of your data source.`);
    }
    const creates =
      options && ['migrationsRun', 'synchronize'].some((name) => file.property(options, name)?.getText() === 'true');
    if (creates !== true)
      this.advice.push('Run the migrations of your data source, which create the tables of the module.');
    return true;
  }

  private writeOptions(): void {
    const { application, guard } = this;
    const path = this.pathOf('totp.options.ts');
    const content = optionsFile({
      issuer: application.name,
      keyId: new Date().toISOString().slice(0, 7),
      guard: { name: guard.name, specifier: application.specifier(path, guard.path) },
      hasServerSessions: application.hasServerSessions,
    });
    write(this.tree, path, content);
    if (!this.hasOwnGuard) write(this.tree, guard.path, signInGuardFile());
  }

  private writeEnvironment(isNewDataSource: boolean): void {
    const key = randomBytes(32).toString('base64');
    this.appendLines('/.env', environmentLines(key, this.hasOwnGuard ? undefined : DEMO_USER), 'TOTP_KEY=');
    this.appendLines('/.gitignore', ['.env', ...(isNewDataSource ? ['*.sqlite*'] : [])]);
  }

  /** @param marker a text by which the file is known to have the lines; without it, each missing line is added */
  private appendLines(path: string, lines: readonly string[], marker?: string): void {
    const before = this.tree.exists(path) ? this.tree.readText(path) : '';
    if (marker !== undefined && before.includes(marker)) return;
    const missing = lines.filter((line) => !before.split(/\r?\n/).includes(line));
    const separator = before === '' || before.endsWith('\n') ? '' : '\n';
    if (missing.length > 0) write(this.tree, path, `${before}${separator}${missing.join('\n')}\n`);
  }

  private install(): void {
    const lockFiles = { 'yarn.lock': 'yarn', 'pnpm-lock.yaml': 'pnpm', 'bun.lockb': 'bun', 'bun.lock': 'bun' };
    const [, packageManager] = Object.entries(lockFiles).find(([file]) => this.tree.exists(`/${file}`)) ?? ['', 'npm'];
    // As NodePackageInstallTask of @angular-devkit/schematics. better-sqlite3 comes with a script that fetches its binary.
    const options = { command: 'install', packageManager, quiet: true, hideOutput: true, allowScripts: true };
    this.context.addTask({ toConfiguration: () => ({ name: 'node-package', options }) });
  }

  private explain(): void {
    const { logger } = this.context;
    if (this.application.versionOf('jest') !== undefined) {
      this.advice.push('Let Jest transform ES modules: node_modules/nestjs-totp/docs/testing.md, "CommonJS projects".');
    }
    for (const line of this.advice) logger.warn(`To do: ${line}`);
    if (this.hasOwnGuard) {
      logger.warn(
        `To do: check that ${this.guard.name}, which guards the routes now, is the guard that signs users in.`,
      );
    } else {
      logger.warn(
        `To do: replace ${this.guard.path.slice(1)} with your own sign-in. Until then every request is that of TOTP_DEMO_USER in .env, ` +
          'and none is accepted in production.',
      );
    }
    logger.info(
      [
        'nestjs-totp is set up. Try it:',
        '',
        '  npm start',
        `  ${post('device', '{}')}   # scan qrCodeString, or enter secret`,
        `  ${post('device/verify', '{"deviceName":"TOTP Device 0","totp":"123456"}')}   # the code that the app shows`,
        '',
        'The key in .env encrypts the secrets of authenticators: keep it, and keep it out of your repository.',
      ].join('\n'),
    );
  }
}

function post(route: string, body: string): string {
  return `curl localhost:3000/totp/${route} -H 'Content-Type: application/json' -d '${body}'`;
}
