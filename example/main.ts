/** Starts the example: `npm start`, then open the address that it prints. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';

const port = Number(process.env.PORT ?? 3000);

// eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ['fatal', 'error', 'warn'],
  // The live list of events keeps connections open: without this, stopping would wait for every open page.
  forceCloseConnections: true,
});
configureApp(app);
app.enableShutdownHooks();

try {
  await app.listen(port);
  const { port: bound } = app.getHttpServer().address() as { port: number };
  console.log(`Keepsake, the example of nestjs-totp, is at http://localhost:${bound}`);
} catch (error) {
  await app.close();
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
  console.error(`Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`);
  process.exitCode = 1;
}
