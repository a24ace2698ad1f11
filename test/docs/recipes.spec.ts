/** The code of docs/recipes.md, taken from the page, compiled as an application compiles it, and run. */
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type INestApplication, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  HandlerTotpEventDestination,
  TOTP_ENTITIES,
  TOTP_MIGRATIONS,
  TotpClock,
  type TotpEventDestination,
  TotpModule,
  type TotpModuleOptions,
  type TotpModuleExtras,
  TotpOutboxRelay,
  TotpService,
} from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { SMTPServer } from 'smtp-server';
import { DataSource, type Repository } from 'typeorm';
import { databases, type OpenDatabase } from '../support/databases.js';
import { suiteLogger } from '../support/suite-log.js';
import { endRetryWaits } from '../support/outbox.js';
import { createTable, PageCode } from './page-code.js';

const HEADINGS = {
  mail: 'Mail on a new device and on a lock',
  sessions: "Ending the user's other sessions",
  audit: 'An audit table',
  cqrs: 'The EventBus of `@nestjs/cqrs`',
};

let code: PageCode<keyof typeof HEADINGS>;
let database: OpenDatabase;
let running: INestApplication | undefined;
const clock = new TestTotpClock();

beforeAll(async () => {
  code = await PageCode.of('docs/recipes.md', HEADINGS);
});
afterAll(() => code.remove());

beforeEach(async () => {
  database = await databases[0].open();
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  await database.drop();
});

type Options = Partial<TotpModuleOptions & TotpModuleExtras>;

/** An application that follows a recipe. */
async function start(
  options: Options,
  {
    entities = [],
    providers = [],
    imports = [],
  }: { entities?: Type[]; providers?: Provider[]; imports?: NonNullable<ModuleMetadata['imports']> },
): Promise<{ app: INestApplication; totp: TotpService; relay: TotpOutboxRelay }> {
  const testing = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        ...database.options,
        entities: [...TOTP_ENTITIES, ...entities],
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
      }),
      EventEmitterModule.forRoot(),
      TotpModule.forRoot({
        issuer: 'Acme',
        secrets: 'plain-text',
        controllers: false,
        events: { outbox: true },
        ...options,
      }),
      ...imports,
    ],
    providers,
  })
    .overrideProvider(TotpClock)
    .useValue(clock)
    .setLogger(suiteLogger)
    .compile();
  const app: INestApplication = testing.createNestApplication();
  running = app;
  for (const entity of entities) await createTable(app.get(DataSource), entity);
  await app.init();
  return { app, totp: app.get(TotpService), relay: app.get(TotpOutboxRelay) };
}

/** Ann adds a device and verifies it, in a session when one is named. */
async function enrol(totp: TotpService, handle?: string): Promise<void> {
  const by =
    handle === undefined ? { onBehalfOf: 'application' as const } : { session: { handle, completedAt: undefined } };
  const made = await totp.createDevice({ userId: 'ann', deviceName: 'phone', ...by });
  if (made.status !== 'OK') throw new Error(made.status);
  await nextTurn();
  const entered = totpCode(made.qrCodeString, clock.now());
  await totp.verifyDevice({ userId: 'ann', deviceName: 'phone', totp: entered, ...by });
}

/**
 * Requests come in turns of the event loop of their own. Within one, a destination's write could meet the next call's transaction, which on
 * SQLite waits with the whole process.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function lock(totp: TotpService): Promise<void> {
  for (let failure = 1; failure <= 5; failure++) {
    await totp.verifyTOTP({ userId: 'ann', totp: 'wrong' });
    await nextTurn();
  }
}

it('compiles under the strictest settings', () => {
  expect(code.problems()).toEqual([]);
});

describe('mail', () => {
  let server: SMTPServer;
  let mails: string[];

  beforeEach(async () => {
    mails = [];
    server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, _session, done) => {
        void text(stream).then((mail) => {
          mails.push(mail);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    process.env.SMTP_URL = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    delete process.env.SMTP_URL;
    await new Promise<void>((resolve) => {
      server.close(resolve);
    });
  });

  it('goes to the owner of a new device and of a locked account, and again when the mail server was not there', async () => {
    const Addresses = await code.class('mail', 'Addresses');
    const OwnersMail = await code.class('mail', 'OwnersMail');
    let known = true;
    const directory = {
      of: (userId: string) =>
        known ? Promise.resolve(`${userId}@example.com`) : Promise.reject(new Error('the directory is away')),
    };
    const { app, totp, relay } = await start(
      {},
      { providers: [{ provide: Addresses, useValue: directory }, OwnersMail] },
    );
    await enrol(totp);
    await relay.runOnce();
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(/^To: ann@example\.com\r$/m);
    expect(mails[0]).toMatch(/^Subject: A new authenticator\r$/m);

    known = false;
    await lock(totp);
    await relay.runOnce();
    expect(mails).toHaveLength(1);
    known = true;
    await endRetryWaits(app);
    await relay.runOnce();
    expect(mails).toHaveLength(2);
    expect(mails[1]).toMatch(/^Subject: Your account is locked\r$/m);
    expect(mails[1]).toMatch(/^Message-ID: <[0-9a-f-]{36}@acme\.example>\r$/m);
    expect(mails[1]).toContain(new Date(clock.now() + 900_000).toUTCString());
  });
});

it("ends the user's other sessions, and none that began later", async () => {
  const SignIn = await code.class('sessions', 'SignIn');
  const OtherSessions = await code.class('sessions', 'OtherSessions');
  const { app, totp, relay } = await start(
    {},
    { entities: [SignIn], imports: [TypeOrmModule.forFeature([SignIn])], providers: [OtherSessions] },
  );
  const signIns: Repository<{ handle: string }> = app.get(DataSource).getRepository(SignIn);
  const since = clock.now();
  const of = (userId: string, handle: string, after = 0) => ({ handle, userId, since: since + after });
  await signIns.insert([of('ann', 'here'), of('ann', 'elsewhere'), of('ann', 'later', 1), of('bob', 'his')]);
  const left = async () => (await signIns.find()).map(({ handle }) => handle).toSorted();

  await enrol(totp, 'here');
  await relay.runOnce();
  expect(await left()).toEqual(['here', 'his', 'later']);
  clock.advance(1);
  await totp.removeDevice({ userId: 'ann', deviceName: 'phone', onBehalfOf: 'application' });
  await relay.runOnce();
  expect(await left()).toEqual(['his']);
});

it('keeps an audit table: a row for each event, however often it comes', async () => {
  const AuditEntry = await code.class('audit', 'AuditEntry');
  const AuditTrail = (await code.class('audit', 'AuditTrail')) as Type<TotpEventDestination>;
  const { audited } = (await code.exports('audit')) as { audited: Options };
  expect(audited.eventDestinations).toEqual([HandlerTotpEventDestination, AuditTrail]);
  const { app, totp, relay } = await start(audited, { entities: [AuditEntry] });
  await enrol(totp);
  await lock(totp);
  await relay.runOnce();
  const entries: Repository<{ name: string; userId: string; at: string; event: never }> = app
    .get(DataSource)
    .getRepository(AuditEntry);
  const rows = await entries.find();
  expect(rows.map(({ name }) => name)).toEqual([
    'totp.device.created',
    'totp.device.verified',
    ...Array<string>(5).fill('totp.code.rejected'),
    'totp.user.locked',
  ]);
  expect(rows[0]).toMatchObject({
    userId: 'ann',
    at: new Date(clock.now()).toISOString(),
    event: { deviceName: 'phone' },
  });
  for (const { event } of rows) await app.get(AuditTrail, { strict: false }).deliver(event);
  expect(await entries.find()).toEqual(rows);
});

it("hands events to @nestjs/cqrs, whose handlers get the module's own classes", async () => {
  const RaiseAlarm = (await code.class('cqrs', 'RaiseAlarm')) as Type<{ raised: string[] }>;
  const { overCqrs } = (await code.exports('cqrs')) as { overCqrs: Options };
  const { app, totp, relay } = await start(overCqrs, { providers: [RaiseAlarm] });
  await enrol(totp);
  await relay.runOnce();
  expect(app.get(RaiseAlarm).raised).toEqual([]);
  await lock(totp);
  await relay.runOnce();
  expect(app.get(RaiseAlarm).raised).toEqual(['ann']);
});
