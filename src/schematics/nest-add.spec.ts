/** `nest add nestjs-totp` on the files of applications; test/packaging runs it in applications made by `nest new`. */
import { TotpConfigurationError } from '../shared/errors.js';
import type { SchematicContext, Tree } from './host.js';
import { nestAdd } from './nest-add.js';

class MemoryTree implements Tree {
  readonly files: Map<string, string>;
  readonly root = {
    visit: (visitor: (path: string) => void) => {
      for (const path of this.files.keys()) visitor(path);
    },
  };

  constructor(files: Readonly<Record<string, string>>) {
    this.files = new Map(Object.entries(files));
  }

  exists(path: string): boolean {
    return this.files.has(path);
  }

  readText(path: string): string {
    return this.files.get(path) ?? '';
  }

  create(path: string, content: string): void {
    if (this.exists(path)) throw new Error(`${path} exists`);
    this.files.set(path, content);
  }

  overwrite(path: string, content: string): void {
    if (!this.exists(path)) throw new Error(`${path} does not exist`);
    this.files.set(path, content);
  }
}

const MAIN = `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
`;
const APP_MODULE = `import { Module } from '@nestjs/common';
import { AppController } from './app.controller.js';

@Module({
  imports: [],
  controllers: [AppController],
})
export class AppModule {}
`;

function manifest(fields: object = {}): string {
  return JSON.stringify({ name: 'acme', type: 'module', dependencies: { '@nestjs/core': '^12.0.1' }, ...fields });
}

/** Runs the rule on an application like a new one, but for the files given. */
function added(files: Readonly<Record<string, string>> = {}, options: Parameters<typeof nestAdd>[0] = {}) {
  const tree = new MemoryTree({
    '/package.json': manifest(),
    '/src/main.ts': MAIN,
    '/src/app.module.ts': APP_MODULE,
    ...files,
  });
  const before = new Map(tree.files);
  const [said, warned, tasks]: [string[], string[], object[]] = [[], [], []];
  const context: SchematicContext = {
    logger: { info: (message) => said.push(message), warn: (message) => warned.push(message) },
    addTask: (task) => tasks.push(task.toConfiguration()),
  };
  const read = (path: string) => tree.readText(path);
  const run = () => {
    nestAdd(options)(tree, context);
  };
  return { tree, before, said, warned, tasks, read, run };
}

function add(...input: Parameters<typeof added>) {
  const result = added(...input);
  result.run();
  return result;
}

function dependenciesOf(result: ReturnType<typeof added>): Record<string, string> {
  const { dependencies } = JSON.parse(result.read('/package.json')) as { dependencies: Record<string, string> };
  return dependencies;
}

describe('nest add, in a new application', () => {
  it('adds the modules with a database of their own', () => {
    expect(add().read('/src/app.module.ts')).toBe(`import { Module } from '@nestjs/common';
import { AppController } from './app.controller.js';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS, TotpModule } from 'nestjs-totp';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { totpOptions } from './totp/totp.options.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: 'app.sqlite',
      entities: [...TOTP_ENTITIES],
      migrations: [...TOTP_MIGRATIONS],
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(),
    TotpModule.forRoot(totpOptions),
  ],
  controllers: [AppController],
})
export class AppModule {}
`);
  });

  it('writes a new key into .env, which is not committed', () => {
    const [one, other] = [add(), add()];
    const [, key = ''] = /^TOTP_KEY=(.+)$/m.exec(one.read('/.env')) ?? [];
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(other.read('/.env')).not.toContain(key);
    expect(one.read('/.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', '*.sqlite*']));
    expect(one.said.join()).not.toContain(key);
  });

  it('writes a sign-in that lets nobody in unless .env names who, and says that it must be replaced', () => {
    const result = add();
    expect(result.read('/src/totp/totp.options.ts')).toContain('guards: [SignInGuard]');
    expect(result.read('/src/totp/sign-in.guard.ts')).toContain("process.env.NODE_ENV === 'production'");
    expect(result.read('/.env')).toContain('TOTP_DEMO_USER=ann');
    expect(result.warned).toEqual([expect.stringContaining('replace src/totp/sign-in.guard.ts with your own sign-in')]);
  });

  it.each([
    [11, { '@nestjs/typeorm': '^11.0.0', '@nestjs/event-emitter': '^3.0.0' }],
    [12, { '@nestjs/typeorm': '^12.0.0', '@nestjs/event-emitter': '^12.0.0' }],
  ])('adds the peers that suit Nest %i, and installs them', (version, peers) => {
    const result = add({ '/package.json': manifest({ dependencies: { '@nestjs/core': `^${version}.0.1` } }) });
    expect(dependenciesOf(result)).toMatchObject({ ...peers, typeorm: '^1.0.0', 'better-sqlite3': '^12.0.0' });
    expect(result.tasks).toEqual([
      { name: 'node-package', options: expect.objectContaining({ command: 'install', packageManager: 'npm' }) },
    ]);
  });

  it('installs with the package manager of the lock file, or not at all when asked', () => {
    expect(add({ '/pnpm-lock.yaml': '' }).tasks).toMatchObject([{ options: { packageManager: 'pnpm' } }]);
    expect(add({}, { skipInstall: true }).tasks).toEqual([]);
  });

  it('imports without file endings in a CommonJS application, and mentions Jest', () => {
    const commonJs = manifest({ type: 'commonjs', devDependencies: { jest: '^30.0.0' } });
    const result = add({ '/package.json': commonJs, '/src/main.ts': MAIN.replace('.js', '') });
    expect(result.read('/src/app.module.ts')).toContain("from './totp/totp.options';");
    expect(result.warned.join()).toContain('Let Jest transform ES modules');
  });

  it('finds the root module of an application on Fastify', () => {
    const main = MAIN.replace('create(AppModule)', 'create<NestFastifyApplication>(AppModule, new FastifyAdapter())');
    expect(add({ '/src/main.ts': main }).read('/src/app.module.ts')).toContain('TotpModule.forRoot(totpOptions)');
  });

  it('knows a folder of sources in a monorepo', () => {
    const result = add(
      { '/apps/api/src/main.ts': MAIN, '/apps/api/src/app.module.ts': APP_MODULE },
      { sourceRoot: 'apps/api/src' },
    );
    expect(result.read('/apps/api/src/app.module.ts')).toContain('TotpModule.forRoot(totpOptions)');
    expect(result.tree.exists('/apps/api/src/totp/totp.options.ts')).toBe(true);
    expect(result.read('/src/app.module.ts')).toBe(APP_MODULE);
  });
});

describe('nest add, in an application that has', () => {
  const database = (options: string) => `import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { User } from './user.entity.js';

@Module({ imports: [TypeOrmModule.forRoot(${options})] })
export class DatabaseModule {}
`;

  it('a data source in another module: adds its tables there', () => {
    const own = "{ type: 'postgres', url: process.env.DATABASE_URL, entities: [User], migrationsRun: true }";
    const result = add({ '/src/database.module.ts': database(own) });
    expect(result.read('/src/database.module.ts')).toContain('entities: [User, ...TOTP_ENTITIES]');
    expect(result.read('/src/database.module.ts')).toContain('migrations: [...TOTP_MIGRATIONS]');
    expect(result.read('/src/database.module.ts')).toContain(
      "import { TOTP_ENTITIES, TOTP_MIGRATIONS } from 'nestjs-totp';",
    );
    expect(result.read('/src/app.module.ts')).not.toContain('TypeOrmModule');
    expect(dependenciesOf(result)).not.toHaveProperty('better-sqlite3');
    expect(result.warned.join()).not.toContain('migrations of your data source');
  });

  it('a data source without migrations: says that they have to be run', () => {
    const result = add({ '/src/database.module.ts': database("{ type: 'postgres', autoLoadEntities: true }") });
    expect(result.read('/src/database.module.ts')).toContain('entities: [...TOTP_ENTITIES]');
    expect(result.warned.join()).toContain('Run the migrations of your data source');
  });

  it('entities that cannot be edited: adds the migrations, and says what to add to the entities', () => {
    const result = add({ '/src/database.module.ts': database("{ type: 'postgres', entities: ENTITIES }") });
    expect(result.read('/src/database.module.ts')).toContain("import { TOTP_MIGRATIONS } from 'nestjs-totp';");
    expect(result.read('/src/database.module.ts')).toContain('migrations: [...TOTP_MIGRATIONS]');
    expect(result.warned.join()).toContain('Add ...TOTP_ENTITIES to the entities of your data source.');
  });

  it.each(['options', "{ type: 'postgres', migrations, ...shared, entities }"])(
    'a data source that cannot be edited, forRoot(%s): leaves it, and says what to add',
    (options) => {
      const source = database(options);
      const result = add({ '/src/database.module.ts': source });
      expect(result.read('/src/database.module.ts')).toBe(source);
      expect(result.warned.join()).toContain('Add ...TOTP_ENTITIES to the entities of your data source');
      expect(result.read('/src/app.module.ts')).toContain('TotpModule.forRoot(totpOptions)');
    },
  );

  it('a data source made by a factory: leaves it, and says what to add', () => {
    const source = database('').replace('forRoot()', 'forRootAsync({ useFactory: () => options })');
    const result = add({ '/src/database.module.ts': source });
    expect(result.read('/src/database.module.ts')).toBe(source);
    expect(result.warned.join()).toContain('Add ...TOTP_ENTITIES');
  });

  it('a guard that signs in: uses it, and writes none', () => {
    const guard = "@Injectable()\nexport class JwtAuthGuard extends AuthGuard('jwt') {}\n";
    const result = add({ '/src/auth/jwt-auth.guard.ts': guard });
    const options = result.read('/src/totp/totp.options.ts');
    expect(options).toContain("import { JwtAuthGuard } from '../auth/jwt-auth.guard.js';");
    expect(options).toContain('guards: [JwtAuthGuard]');
    expect(options).toContain('useClass: TotpTokenSessionAdapter');
    expect(result.warned.join()).toContain('check that JwtAuthGuard, which guards the routes now');
    expect(result.tree.exists('/src/totp/sign-in.guard.ts')).toBe(false);
    expect(result.read('/.env')).not.toContain('TOTP_DEMO_USER');
  });

  it('sessions on the server: leaves the session adapter at its default', () => {
    const sessions = manifest({ dependencies: { '@nestjs/core': '^12.0.0', 'express-session': '^1.18.0' } });
    expect(add({ '/package.json': sessions }).read('/src/totp/totp.options.ts')).not.toContain('SessionAdapter');
  });

  it('imports on several lines, and comments: adds to them, and keeps the rest', () => {
    const module = APP_MODULE.replace('imports: []', 'imports: [\n    UsersModule, // of people\n    MailModule,\n  ]');
    const { read } = add({ '/src/app.module.ts': module });
    expect(read('/src/app.module.ts')).toContain(
      '    UsersModule, // of people\n    MailModule,\n    TypeOrmModule.forRoot({',
    );
    expect(read('/src/app.module.ts')).toContain('    TotpModule.forRoot(totpOptions),\n  ],');
  });

  it('an empty @Module({}): adds its imports', () => {
    const { read } = add({ '/src/app.module.ts': APP_MODULE.replace(/\{\n[^}]*\}/, '{}') });
    expect(read('/src/app.module.ts')).toMatch(/@Module\(\{\n {2}imports: \[\n {4}TypeOrmModule[^]*\n {2}\],\n\}\)/);
  });

  it('an event emitter and settings in .env: keeps both', () => {
    const module = APP_MODULE.replace('[]', '[EventEmitterModule.forRoot({ wildcard: true })]');
    const result = add({ '/src/app.module.ts': module, '/.env': 'PORT=1', '/.gitignore': 'dist\n.env\n' });
    expect(result.read('/src/app.module.ts').match(/EventEmitterModule\.forRoot/g)).toHaveLength(1);
    expect(result.read('/.env')).toMatch(/^PORT=1\n#/);
    expect(result.read('/.gitignore')).toBe('dist\n.env\n*.sqlite*\n');
  });

  it('TotpModule already: changes nothing', () => {
    const result = add({ '/src/app.module.ts': APP_MODULE.replace('[]', "[TotpModule.forRoot({ issuer: 'Acme' })]") });
    expect(result.tree.files).toEqual(result.before);
    expect(result.said.join()).toContain('nothing was changed');
  });

  it('a key already: keeps it, because it decrypts what it has encrypted', () => {
    expect(add({ '/.env': 'TOTP_KEY=mine\n' }).read('/.env')).toBe('TOTP_KEY=mine\n');
  });

  it('no root module: says so, and changes nothing', () => {
    const result = added({ '/src/main.ts': '' });
    expect(result.run).toThrow(TotpConfigurationError);
    expect(result.tree.files).toEqual(result.before);
  });
});
