/** Writes the OpenAPI document of the module's routes to `openapi/`: `npm run openapi`. It is made by `@nestjs/swagger`, of the built module. */
import 'reflect-metadata';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { AnonymousUserDirectory, TotpAccountStore, TotpModule, TotpUserDirectory } from '../../dist/index.js';
import { InMemoryTotpAccountStore } from '../../dist/testing/index.js';

class RootModule {}
Module({
  imports: [
    EventEmitterModule.forRoot(),
    TotpModule.forRoot({
      issuer: 'Acme',
      secrets: 'plain-text',
      trustedBrowsers: { days: 30 },
      providers: [
        { provide: TotpAccountStore, useClass: InMemoryTotpAccountStore },
        { provide: TotpUserDirectory, useClass: AnonymousUserDirectory },
      ],
    }),
  ],
})(RootModule);

const app = await NestFactory.create(RootModule, { logger: ['error'] });
await app.init();
const config = new DocumentBuilder()
  .setTitle('nestjs-totp')
  .setDescription('TOTP as a second factor: devices, codes, recovery codes and trusted browsers.')
  .setVersion('1')
  .build();
const document = SwaggerModule.createDocument(app, config);
await app.close();

const folder = join(import.meta.dirname, '../../openapi');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'totp.json'), `${JSON.stringify(document, null, 2)}\n`);
