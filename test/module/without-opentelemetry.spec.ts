/** An application that has no OpenTelemetry: its package is an optional peer. */
import { jest } from '@jest/globals';

jest.unstable_mockModule('@opentelemetry/api', () => {
  throw Object.assign(new Error("Cannot find package '@opentelemetry/api'"), { code: 'ERR_MODULE_NOT_FOUND' });
});
const { TotpModule } = await import('nestjs-totp');
const { closeConsumers, emitter, inMemory, startConsumer } = await import('./consumer.js');
const { answered, Person } = await import('../support/client.js');

afterEach(closeConsumers);

it('enrols and signs in, and counts nothing', async () => {
  const person = new Person(await startConsumer([emitter, TotpModule.forRoot(inMemory)]));
  const phone = await person.enrol('phone');
  expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
});
