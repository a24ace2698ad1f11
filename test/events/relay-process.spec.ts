/** A process that only delivers events, next to one that only stores them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Injectable } from '@nestjs/common';
import { TotpEventDestination } from 'nestjs-totp';
import { startApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases } from '../support/databases.js';

@Injectable()
class Printer extends TotpEventDestination {
  readonly name = 'printer';

  override deliver(): Promise<void> {
    return Promise.reject(new Error('The other process delivers.'));
  }
}

it.each(databases)('it runs until it is told to stop, and delivers what others store: $name', async ({ open }) => {
  const database = await open();
  const options = { events: { outbox: true, relay: false }, eventDestinations: [Printer] };
  const application = await startApplication({ database, options });
  // It has no server, no open input and no channel to this process: only the relay keeps it alive.
  const relay = spawn(process.execPath, [join(import.meta.dirname, 'relay-process.js')], {
    env: { ...process.env, TOTP_DATABASE: JSON.stringify(database.options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(relay, 'exit');
  const lines = createInterface(relay.stdout)[Symbol.asyncIterator]();
  const nextLine = async () => ((await lines.next()) as IteratorResult<string, undefined>).value;

  expect(await nextLine()).toBe('ready');
  const person = new Person(application);
  const phone = await person.enrol();
  expect([await nextLine(), await nextLine()]).toEqual(['totp.device.created', 'totp.device.verified']);
  await application.totp.removeDevice({
    userId: person.userId,
    deviceName: phone.deviceName,
    onBehalfOf: 'application',
  });
  expect(await nextLine()).toBe('totp.device.removed');

  relay.kill('SIGTERM');
  expect(await exit).toEqual([null, 'SIGTERM']);
  await application.close();
  await database.drop();
});
