/** Applications that follow a recipe of docs/sign-in.md, and the clients that sign in to them. */
import { Controller, Get, type INestApplication, type ModuleMetadata, type Type, UseGuards } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS, TotpClock, TotpGuard, TotpModule, type TotpModuleExtras } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { type Answer, answered, invalidClaim, type Message, send } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { suiteLogger } from '../support/suite-log.js';
import { createTable } from './page-code.js';

export const clock = new TestTotpClock();
let database: OpenDatabase;
let running: INestApplication | undefined;

/** One application and one database for each test. */
export function useRecipes(): void {
  beforeEach(async () => {
    // Tokens go by the time of the machine.
    clock.set(Date.now());
    database = await databases[0].open();
  });
  afterEach(async () => {
    await running?.close();
    running = undefined;
    await database.drop();
  });
}

export interface Recipe extends ModuleMetadata {
  readonly guard: Type;
  readonly totp: Partial<TotpModuleExtras>;
  readonly entities?: readonly Type[];
  readonly configure?: (app: NestExpressApplication) => unknown;
  readonly bodyParser?: boolean;
}

/** Starts an application that follows a recipe; returns where it listens. */
export async function start({
  guard,
  totp,
  entities = [],
  configure,
  bodyParser = true,
  ...metadata
}: Recipe): Promise<string> {
  @Controller('vault')
  @UseGuards(guard, TotpGuard)
  class Vault {
    @Get()
    open(): object {
      return { gold: 1 };
    }
  }

  const testing = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        ...database.options,
        entities: [...TOTP_ENTITIES, ...entities],
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
      }),
      EventEmitterModule.forRoot(),
      TotpModule.forRoot({ issuer: 'Acme', secrets: 'plain-text', guards: [guard], ...totp }),
      ...(metadata.imports ?? []),
    ],
    controllers: [Vault, ...(metadata.controllers ?? [])],
    providers: metadata.providers ?? [],
  })
    .overrideProvider(TotpClock)
    .useValue(clock)
    .setLogger(suiteLogger)
    .compile();
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = testing.createNestApplication<NestExpressApplication>(new ExpressAdapter(), { bodyParser });
  running = app;
  for (const entity of entities) await createTable(app.get(DataSource), entity);
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

/** A browser or an app: it keeps what it is given. */
export class Client {
  private cookie = '';
  private tokens: { accessToken?: string; refreshToken?: string } = {};

  constructor(protected readonly url: string) {}

  async post(route: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.send(route, { method: 'POST', body: JSON.stringify(body), headers });
    this.cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? this.cookie;
    return answer;
  }

  vault(): Promise<Answer> {
    return this.send('/vault', {});
  }

  /** With the password alone. */
  async signIn(): Promise<void> {
    this.keep(await this.post('/auth/sign-in', { email: 'ann', password: 'secret' }));
  }

  async refresh(): Promise<Answer> {
    const answer = await this.post('/auth/refresh', { refreshToken: this.tokens.refreshToken });
    if (answer.status === 200) this.keep(answer);
    return answer;
  }

  /** The same client before its next refresh. */
  copy(): Client {
    const copy = new Client(this.url);
    Object.assign(copy, { cookie: this.cookie, tokens: this.tokens });
    return copy;
  }

  /** Enrols an authenticator; returns the codes that it shows. */
  async enrol(): Promise<() => string> {
    const created = await this.post('/totp/device', { deviceName: 'phone' });
    expect(created).toMatchObject({ status: 200, body: { status: 'OK' } });
    const { qrCodeString } = created.body as { qrCodeString: string };
    const shown = () => totpCode(qrCodeString, clock.now());
    expect(await this.post('/totp/device/verify', { deviceName: 'phone', totp: shown() })).toMatchObject({
      body: { status: 'OK' },
    });
    clock.advance(30);
    return shown;
  }

  private keep({ body, status }: Answer): void {
    expect(status).toBe(200);
    this.tokens = body as typeof this.tokens;
  }

  private send(route: string, message: Message): Promise<Answer> {
    const { accessToken } = this.tokens;
    return send(this.url + route, {
      ...message,
      headers: {
        'content-type': 'application/json',
        cookie: this.cookie,
        ...message.headers,
        ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      },
    });
  }
}

export const opened = answered({ gold: 1 });

/** What all sign-ins have in common. */
export async function expectSecondFactor<Kind extends Client>(
  url: string,
  SomeClient: new (url: string) => Kind,
): Promise<Kind> {
  const ann = new SomeClient(url);
  expect(await ann.vault()).toMatchObject({ status: 401 });
  await ann.signIn();
  const shown = await ann.enrol();
  expect(await ann.vault()).toEqual(opened);

  const again = new SomeClient(url);
  await again.signIn();
  expect(await again.vault()).toEqual(invalidClaim);
  expect(await again.post('/totp/device', {})).toEqual(invalidClaim);
  expect(await again.post('/totp/verify', { totp: shown() })).toEqual(answered({ status: 'OK' }));
  expect(await again.vault()).toEqual(opened);
  return again;
}
