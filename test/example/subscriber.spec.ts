/** The example's second process, which prints the events that come over a real broker. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { jest } from '@jest/globals';
import { connect } from 'amqplib';
import ts from 'typescript';
import { describeWithBrokers, NATS_URL, RABBITMQ_URL } from '../events/brokers.js';
import { PROJECT } from '../docs/documents.js';
import { PASSWORD } from './people.js';

describeWithBrokers.each([
  ['NATS', NATS_URL],
  ['RabbitMQ', RABBITMQ_URL],
])('the subscriber of the example, with %s', (_, broker) => {
  let folder: string;
  let subscriber: ChildProcessByStdio<null, Readable, null> | undefined;
  let stop: (() => Promise<void>) | undefined;

  beforeEach(async () => {
    folder = await compiled('subscriber.ts', 'events/broker-options.ts', 'events/event-entry.ts', 'events/names.ts');
  });

  afterEach(async () => {
    await stop?.();
    subscriber?.kill();
    if (broker === RABBITMQ_URL) await removeQueue();
    delete process.env.EXAMPLE_BROKER;
    await rm(folder, { recursive: true });
  });

  it('prints what happens in the example, and to whom', async () => {
    subscriber = spawn(process.execPath, [join(folder, 'subscriber.js')], {
      env: { ...process.env, EXAMPLE_BROKER: broker },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: subscriber.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('Events are printed as they arrive.');

    // The example looks for the broker when its files are loaded.
    process.env.EXAMPLE_BROKER = broker;
    jest.resetModules();
    const { startKeepsake } = await import('./keepsake.js');
    const keepsake = await startKeepsake();
    stop = keepsake.stop;
    const { url } = keepsake;
    const post = (path: string, body: object, cookie = '') =>
      fetch(url + path, {
        method: 'POST',
        headers: { origin: url, cookie, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'manual',
      });
    const registered = await post('/register', { email: 'ada@example.com', password: PASSWORD });
    const cookie = registered.headers.get('set-cookie')?.split(';')[0] ?? '';
    await post('/totp/device', { deviceName: `Phone at ${url}` }, cookie);
    await post('/totp/device/verify', { deviceName: `Phone at ${url}`, totp: 'wrong' }, cookie);

    const printed: string[] = [];
    while (!printed.some((line) => line.includes('Tries left: 4.'))) {
      const { value, done } = await lines.next();
      if (done) throw new Error('The subscriber ended.');
      // Others may use the broker at the same time, and none of them lives in January.
      if (value.startsWith('2026-01-15')) printed.push(value);
    }
    const [, user = ''] = /user ([0-9a-f-]{36}) /.exec(printed[0] ?? '') ?? [];
    expect(printed).toEqual([
      `2026-01-15T12:00:00.000Z  totp.device.created  user ${user}  “Phone at ${url}” was added.`,
      `2026-01-15T12:00:00.000Z  totp.code.rejected  user ${user}  A wrong code was entered. Tries left: 4.`,
    ]);
  });
});

/** Files of the example as its build makes them, in a folder of their own within the package, which they import by its name. */
async function compiled(...files: readonly string[]): Promise<string> {
  const ignored = join(PROJECT, 'example', 'data');
  await mkdir(ignored, { recursive: true });
  const folder = await mkdtemp(join(ignored, 'subscriber-'));
  await mkdir(join(folder, 'events'));
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  for (const file of files) {
    const source = await readFile(join(PROJECT, 'example', file), 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    await writeFile(join(folder, file.replace(/ts$/, 'js')), outputText);
  }
  return folder;
}

async function removeQueue(): Promise<void> {
  const connection = await connect(RABBITMQ_URL);
  const channel = await connection.createChannel();
  await channel.deleteQueue('keepsake');
  await connection.close();
}
