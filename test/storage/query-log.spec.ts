/** Nothing secret reaches TypeORM's loggers, subscribers and errors, even where secrets are stored in plain text. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { inspect, stripVTControlCharacters } from 'node:util';
import { jest } from '@jest/globals';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS, TotpModule, type TotpModuleOptions, TotpService } from 'nestjs-totp';
import { totpCode } from 'nestjs-totp/testing';
import { fromBase32 } from '../../src/otp/secret.js';
import { DataSource, type EntitySubscriberInterface, FileLogger, type Logger } from 'typeorm';
import { databases, type OpenDatabase } from '../support/databases.js';
import { suiteLogger } from '../support/suite-log.js';

/** Everything that goes out, as a logger with `util.inspect` or JSON would write it. */
class Output {
  readonly written: string[] = [];

  readonly write = (...values: unknown[]): void => {
    for (const value of values) {
      this.written.push(inspect(value, { depth: 4, showHidden: true }), String(value), JSON.stringify([value]));
    }
  };
}

function customLogger({ write }: Output): Logger {
  // The query runner, the last argument, holds the connection and the whole application.
  return {
    logQuery: (query, parameters) => {
      write('query', query, parameters);
    },
    logQueryError: (error, query, parameters) => {
      write('error', error, query, parameters);
    },
    logQuerySlow: (time, query, parameters) => {
      write('slow', time, query, parameters);
    },
    logSchemaBuild: write,
    logMigration: write,
    log: write,
  };
}

interface Settings {
  readonly what: string;
  readonly options: (output: Output) => object;
}

const LOG_FILE = join(process.env.TOTP_TEST_FOLDER ?? '', `${randomUUID()}.log`);
/** TypeORM reads the path as one within the project. */
const logPath = relative(process.cwd(), LOG_FILE);

const settings: readonly Settings[] = [
  { what: 'logging: true', options: () => ({ logging: true }) },
  { what: "logging: 'all', logger: 'simple-console'", options: () => ({ logging: 'all', logger: 'simple-console' }) },
  { what: 'slow queries', options: () => ({ logging: true, maxQueryExecutionTime: -1 }) },
  { what: 'a custom logger', options: (output) => ({ logger: customLogger(output) }) },
  {
    what: 'a custom logger and slow queries',
    options: (output) => ({ logger: customLogger(output), maxQueryExecutionTime: -1 }),
  },
  { what: 'a log file', options: () => ({ logging: true, logger: 'file' }) },
];

async function start({ options: database }: OpenDatabase, options: object) {
  const totpOptions: TotpModuleOptions = {
    issuer: 'Acme',
    secrets: 'plain-text',
    events: { outbox: true, codeEvents: true },
  };
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        ...database,
        entities: TOTP_ENTITIES,
        migrations: TOTP_MIGRATIONS,
        migrationsRun: true,
        ...options,
      }),
      EventEmitterModule.forRoot(),
      TotpModule.forRoot(totpOptions),
    ],
  }).compile();
  module.useLogger(suiteLogger);
  await module.init();
  return module;
}

/** Calls every function of the service, and has a statement fail. @returns what must not be found in any log */
async function useEverything(totp: TotpService, dataSource: DataSource): Promise<string[]> {
  const userId = randomUUID();
  const created = await totp.createDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' });
  if (created.status !== 'OK') throw new Error(created.status);
  const { secret, qrCodeString } = created;
  const code = (steps: number) => totpCode(secret, Date.now() + steps * 30_000);
  const codes = [code(-1), code(0), code(1)];
  await totp.verifyDevice({ userId, deviceName: 'phone', totp: codes[1] ?? '', onBehalfOf: 'application' });
  await totp.verifyTOTP({ userId, totp: codes[2] ?? '' });
  await totp.verifyTOTP({ userId, totp: codes[2] ?? '' });
  await totp.verifyTOTP({ userId, totp: '000000' });
  await totp.updateDevice({ userId, existingDeviceName: 'phone', newDeviceName: 'tablet', onBehalfOf: 'application' });
  const imported = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
  await totp.importDevice({ userId, deviceName: 'imported', secretKey: imported });
  await totp.listDevices({ userId });
  await totp.getStatuses({ userIds: [userId] });
  await totp.unlockUser({ userId });
  await totp.removeDevice({ userId, deviceName: 'imported', onBehalfOf: 'application' });
  await totp.removeUser({ userId });
  await dataSource.query('DROP TABLE totp_accounts');
  await expect(totp.importDevice({ userId, secretKey: imported })).rejects.toThrow('run TOTP_MIGRATIONS');
  return [
    qrCodeString,
    ...codes,
    ...[secret, imported].flatMap((base32) => {
      const bytes = Buffer.from(fromBase32(base32) ?? []);
      return [base32, bytes.toString('base64').slice(0, -2), bytes.toString('base64url'), bytes.toString('hex')];
    }),
  ];
}

describe.each(databases)('with secrets in plain text on $name', ({ open }) => {
  it.each(settings)('no secret and no code reaches the log ($what)', async ({ options }) => {
    const database = await open();
    const output = new Output();
    const streams = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((chunk) => {
        output.written.push(String(chunk));
        return true;
      }),
    );
    const console = (['log', 'info', 'warn', 'error', 'debug'] as const).map((method) =>
      jest.spyOn(globalThis.console, method).mockImplementation(output.write),
    );
    const given = options(output);
    const isFile = 'logger' in given && given.logger === 'file';
    const used = isFile ? { logger: new FileLogger(true, { logPath }) } : given;
    const module = await start(database, used);
    const secrets = await useEverything(module.get(TotpService), module.get(DataSource));
    await module.close();
    for (const spy of [...streams, ...console]) spy.mockRestore();
    const file = existsSync(LOG_FILE) ? await readFile(LOG_FILE, 'utf8') : '';
    // TypeORM colours the SQL where the terminal has colours, and so splits it with control characters.
    const everything = stripVTControlCharacters(output.written.join('\n') + file);
    await rm(LOG_FILE, { force: true });
    expect(everything).toMatch(/UPDATE .?totp_accounts/);
    expect(everything).toContain('[redacted]');
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
    await database.drop();
  });

  it('no secret and no code reaches a subscriber', async () => {
    const database = await open();
    const output = new Output();
    const subscriber: EntitySubscriberInterface = {
      beforeQuery: ({ query, parameters }) => {
        output.write(query, parameters);
      },
      afterQuery: ({ query, parameters, error }) => {
        output.write(query, parameters, error);
      },
    };
    const module = await start(database, {});
    const dataSource = module.get(DataSource);
    dataSource.subscribers.push(subscriber);
    const secrets = await useEverything(module.get(TotpService), dataSource);
    await module.close();
    const everything = output.written.join('\n');
    if (dataSource.options.type !== 'better-sqlite3') expect(everything).toContain('[redacted]');
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
    await database.drop();
  });
});
