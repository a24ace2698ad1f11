/** Starts the example: `npm start`, then open the address that it prints. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { brokerProblem } from './events/broker-options.js';
import { readSettings, SettingError } from './settings.js';
import { supportPassword } from './support/support-password.js';

try {
  await start();
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function start(): Promise<void> {
  const { port, host, trustProxy } = readSettings(process.env);
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    // What fails at the start is thrown, and said below in one line.
    logger: false,
    abortOnError: false,
    // The live list of events keeps connections open: without this, stopping would wait for every open page.
    forceCloseConnections: true,
  }).catch((error: unknown) => {
    throw isUnreachable(error)
      ? new SettingError('The database cannot be reached. Start it, or change DATABASE_URL.')
      : error;
  });
  configureApp(app, trustProxy);
  app.enableShutdownHooks();
  try {
    await app.listen(port, host);
  } catch (error) {
    await app.close();
    throw listenProblem(error, port, host);
  }
  app.useLogger(['fatal', 'error', 'warn']);
  const broker = process.env.EXAMPLE_BROKER;
  const problem = broker ? await brokerProblem(broker) : undefined;
  if (problem !== undefined) console.warn(`${problem} Events wait in the outbox until then.`);
  const { port: bound } = app.getHttpServer().address() as { port: number };
  supportPassword();
  console.log(`Keepsake, the demo of nestjs-totp, is at http://localhost:${bound}`);
  console.log('Everything that you need is on its pages. Press Ctrl+C to stop it.');
}

function listenProblem(error: unknown, port: number, host: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new SettingError(
        `Port ${port} is taken. Choose another one: PORT=${port === 65_535 ? 3000 : port + 1} npm start`,
      );
    case 'EACCES':
      return new SettingError(
        `Port ${port} needs more rights than you have. Choose one above 1023: PORT=3000 npm start`,
      );
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return new SettingError(
        `EXAMPLE_HOST is “${host}”, which is not an address of this machine. Leave it out for localhost.`,
      );
    default:
      return error;
  }
}

function isUnreachable(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT'].includes(String(error.code))
  );
}
