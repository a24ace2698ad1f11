/** The example in this process, with a clock that the test sets and, unless it is given one, a data folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, type Type } from '@nestjs/common';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { TotpClock } from 'nestjs-totp';
import { TestTotpClock } from 'nestjs-totp/testing';
import { AppModule } from '../../example/app.module.js';
import { configureApp } from '../../example/configure-app.js';

export interface Keepsake {
  url: string;
  /** What the module reads, unless the example has its own clock. */
  clock: TestTotpClock;
  /** A provider of the running application. */
  get: <T>(token: Type<T>) => T;
  stop: () => Promise<void>;
}

export async function startKeepsake(
  settings: { folder?: string; databaseUrl?: string; trustProxy?: number; ownClock?: boolean } = {},
): Promise<Keepsake> {
  const folder = settings.folder ?? (await mkdtemp(join(tmpdir(), 'keepsake-')));
  process.env.EXAMPLE_DATA = folder;
  process.env.DATABASE_URL = settings.databaseUrl ?? '';
  const clock = new TestTotpClock(Date.UTC(2026, 0, 15, 12));
  const builder = Test.createTestingModule({ imports: [AppModule] });
  if (settings.ownClock !== true) builder.overrideProvider(TotpClock).useValue(clock);
  const testing = await builder.setLogger(new ConsoleLogger({ logLevels: ['error', 'fatal'] })).compile();
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = testing.createNestApplication<NestExpressApplication>({
    forceCloseConnections: true,
  });
  configureApp(app, settings.trustProxy);
  await app.listen(0, '127.0.0.1');
  return {
    url: await app.getUrl(),
    clock,
    get: (token) => app.get(token),
    stop: async () => {
      await app.close();
      if (settings.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}
