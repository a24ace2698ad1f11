/** A Nest application that uses the module, on either HTTP platform and any database, with a clock that the test sets. */
import { type Server } from 'node:http';
import { randomBytes } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable, type INestApplication, type Type } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpClock,
  TotpEventPublisher,
  TotpModule,
  type TotpModuleOptions,
  type TotpModuleExtras,
  TotpService,
} from 'nestjs-totp';
import { TestTotpClock, TotpEventRecorder } from 'nestjs-totp/testing';
import { AbstractLogger } from 'typeorm';
import type { OpenDatabase } from './databases.js';
import { suiteLogger } from './suite-log.js';

export type Platform = 'Express' | 'Fastify';
export const platforms: readonly Platform[] = ['Express', 'Fastify'];

/**
 * A sign-in for tests: the user and session are the headers `x-user` and `x-session`, and in `x-tenant` where there is one.
 * Sessions are kept in this map.
 */
const sessionStores = new Map<string, object>();

@Injectable()
export class HeaderSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context
      .switchToHttp()
      .getRequest<{ headers: Record<string, string | undefined>; user?: unknown; session?: unknown }>();
    const { 'x-user': user, 'x-session': handle = '', 'x-tenant': tenantId } = request.headers;
    if (user === undefined) return true;
    const store = sessionStores.get(handle) ?? { id: handle };
    sessionStores.set(handle, store);
    request.user = { id: decodeURIComponent(user), tenantId };
    request.session = store;
    return true;
  }
}

/** The same for all applications of a spec, so that one can be started again on the database of another. */
const secrets = { keys: { test: randomBytes(32).toString('base64') }, current: 'test' };

/** Keeps the statements that TypeORM sends, without their parameters. */
class StatementLog extends AbstractLogger {
  readonly statements: string[] = [];

  constructor() {
    super(['query']);
  }

  override logQuery(query: string): void {
    this.statements.push(query);
  }

  protected writeLog(): void {
    // Nothing but the statements is kept.
  }
}

export interface TestApplication {
  readonly app: INestApplication;
  readonly url: string;
  readonly totp: TotpService;
  readonly clock: TestTotpClock;
  readonly events: TotpEventRecorder;
  readonly statements: string[];
  close(): Promise<void>;
}

export interface ApplicationSettings {
  readonly database: OpenDatabase;
  readonly platform?: Platform;
  /** Instead of the platform's plain adapter. */
  readonly adapter?: () => ExpressAdapter | FastifyAdapter;
  readonly options?: Partial<TotpModuleOptions & TotpModuleExtras>;
  readonly imports?: readonly Type<unknown>[];
  readonly customise?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** What an application does between `NestFactory.create` and `listen`. */
  readonly configure?: (app: INestApplication) => unknown;
}

/** A platform's adapter as an application without settings of its own has it. */
export function adapterOf(platform: Platform): ExpressAdapter | FastifyAdapter {
  return platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();
}

export async function startApplication({
  database,
  platform = 'Express',
  adapter = () => adapterOf(platform),
  options = {},
  imports = [],
  customise = (builder) => builder,
  configure,
}: ApplicationSettings): Promise<TestApplication> {
  const clock = new TestTotpClock();
  const events = new TotpEventRecorder();
  const log = new StatementLog();
  const builder = Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        ...database.options,
        entities: TOTP_ENTITIES,
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
        logging: ['query'],
        logger: log,
      }),
      EventEmitterModule.forRoot(),
      TotpModule.forRoot({ issuer: 'Acme', secrets, guards: [HeaderSignIn], ...options }),
      ...imports,
    ],
  })
    .overrideProvider(TotpClock)
    .useValue(clock)
    .overrideProvider(TotpEventPublisher)
    .useValue(events);
  const module = await customise(builder).compile();
  const app: INestApplication = module.createNestApplication(adapter());
  app.useLogger(suiteLogger);
  await configure?.(app);
  try {
    await app.listen(0, '127.0.0.1');
    // After five idle seconds, which pass on a busy machine, Node.js would close a connection that a client is about to use again.
    const server: Server = app.getHttpServer();
    server.keepAliveTimeout = 120_000;
  } catch (error) {
    await app.close();
    throw error;
  }
  log.statements.length = 0;
  return {
    app,
    url: await app.getUrl(),
    totp: app.get(TotpService),
    clock,
    events,
    statements: log.statements,
    close: () => app.close(),
  };
}
