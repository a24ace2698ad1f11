/** An application as a consumer's test starts it: from its own imports, and on Express unless it says otherwise. */
import type { ModuleMetadata } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { TotpAccountStore, TotpClock, type TotpModuleOptions, type TotpModuleExtras, TotpService } from 'nestjs-totp';
import { InMemoryTotpAccountStore, TestTotpClock } from 'nestjs-totp/testing';
import { adapterOf, HeaderSignIn, type Platform, type TestApplication } from '../support/application.js';
import { suiteLogger } from '../support/suite-log.js';

/** Options that go without TypeORM. */
export const inMemory = {
  issuer: 'Acme',
  secrets: 'plain-text',
  guards: [HeaderSignIn],
  providers: [{ provide: TotpAccountStore, useClass: InMemoryTotpAccountStore }],
} as const satisfies TotpModuleOptions & TotpModuleExtras;

export const emitter = EventEmitterModule.forRoot();

export type Consumer = Omit<TestApplication, 'events' | 'statements'>;

const running: Consumer[] = [];

export async function startConsumer(
  imports: NonNullable<ModuleMetadata['imports']>,
  {
    platform = 'Express',
    customise = (builder) => builder,
  }: { platform?: Platform; customise?: (builder: TestingModuleBuilder) => TestingModuleBuilder } = {},
): Promise<Consumer> {
  const clock = new TestTotpClock();
  const builder = Test.createTestingModule({ imports }).overrideProvider(TotpClock).useValue(clock);
  const module = await customise(builder).compile();
  const app = module.createNestApplication(adapterOf(platform));
  app.useLogger(suiteLogger);
  await app.listen(0, '127.0.0.1');
  const totp = app.get(TotpService, { strict: false });
  const consumer = { app, clock, totp, url: await app.getUrl(), close: () => app.close() };
  running.push(consumer);
  return consumer;
}

/** For `afterEach`: closes what the test started. */
export async function closeConsumers(): Promise<void> {
  for (const { close } of running.splice(0)) await close();
}
