import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { platforms, type TestApplication } from '../support/application.js';
import { useApplication } from '../support/client.js';
import { MAX_BROWSERS, MAX_DEVICES } from './answers.js';
import { exchange } from './connection.js';
import { Log } from './log.js';
import { hugeRequest, plainly, wellFormedRequest } from './requests.js';
import { PATIENCE, settings } from './runs.js';
import { Records, Visitor } from './visitor.js';

const MEGABYTE = 1_000_000;
/** In ms of work, which does not become more on a busy machine: a hundred times what the largest request takes. */
const LONGEST = 5_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe.each(platforms)('%s', (platform) => {
  const log = new Log();
  const records = new Records();
  const listen = (app: INestApplication) => {
    log.open();
    app.useLogger(log.logger);
  };
  afterAll(() => jest.restoreAllMocks());

  const visitor = (application: TestApplication) => new Visitor(application, records, randomUUID());

  describe('with room for bodies of 10 MB', () => {
    const application = useApplication({
      adapter: () => (platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter({ bodyLimit: 10 * MEGABYTE })),
      options: { maxDevices: MAX_DEVICES, trustedBrowsers: { max: MAX_BROWSERS } },
      configure: (app) => {
        if (platform === 'Express') (app as NestExpressApplication).useBodyParser('json', { limit: '10mb' });
        listen(app);
      },
    });
    beforeAll(() => (log.lines.length = 0));

    it(
      'C5: answers texts of a megabyte and JSON of any depth, in time',
      async () => {
        // From small to large: what takes quadratic time is found before it takes minutes.
        for (const largest of [100_000, 300_000, MEGABYTE]) {
          await fc.assert(
            fc.asyncProperty(fc.array(hugeRequest(largest), { minLength: 1, maxLength: 3 }), async (requests) => {
              const somebody = visitor(application());
              await somebody.live({ verified: 1, unverified: 1, completed: true, failures: 0 });
              for (const request of requests) {
                const before = process.cpuUsage();
                await somebody.send(request);
                const { user, system } = process.cpuUsage(before);
                expect((user + system) / 1_000).toBeLessThan(LONGEST);
              }
            }),
            { ...settings(0.1), endOnFailure: true },
          );
        }
      },
      PATIENCE,
    );

    it(
      'keeps nothing of them in memory',
      async () => {
        const send = async (times: number) => {
          const somebody = visitor(application());
          await somebody.live({ verified: 1, unverified: 1, completed: true, failures: 0 });
          for (let n = 0; n < times; n++) {
            const body = { fields: [['totp', { before: String(n), repeat: ' ', times: MEGABYTE }]] } as const;
            await somebody.send({ ...plainly, who: 'owner', method: 'POST', target: '/totp/verify', body });
          }
        };
        const used = async () => {
          await pause(20);
          collectGarbage();
          const { heapUsed, external } = process.memoryUsage();
          return heapUsed + external;
        };
        await send(10);
        const before = await used();
        await send(100);
        // What was closed a moment ago is let go of in some later turn.
        const giveUpAt = performance.now() + 60_000;
        let kept = Infinity;
        while (kept > 50 * MEGABYTE && performance.now() < giveUpAt) kept = (await used()) - before;
        expect(kept).toBeLessThan(50 * MEGABYTE);
      },
      PATIENCE,
    );

    it('keeps rows small', async () => {
      const rows = await application()
        .app.get(DataSource)
        .query<Record<string, unknown>[]>('SELECT * FROM totp_accounts');
      expect(rows.filter((row) => JSON.stringify(row).length > 10_000)).toEqual([]);
    });

    it('has logged nothing', () => {
      expect(log.lines).toEqual([]);
    });
  });

  describe('with the room that it has by itself', () => {
    const application = useApplication({
      platform,
      options: { maxDevices: MAX_DEVICES, trustedBrowsers: { max: MAX_BROWSERS } },
      configure: listen,
    });
    beforeAll(() => (log.lines.length = 0));

    it(
      'answers what is too large as documented, and goes on',
      async () => {
        await fc.assert(
          fc.asyncProperty(hugeRequest(2 * MEGABYTE), wellFormedRequest(MEGABYTE), async (huge, other) => {
            const somebody = visitor(application());
            await Promise.all([somebody.send(huge), somebody.send(other)]);
          }),
          settings(0.25),
        );
      },
      PATIENCE,
    );

    it('does not unpack a body that is small only while it is packed', async () => {
      const packed = gzipSync(`{"totp":"${' '.repeat(50 * MEGABYTE)}"}`);
      const head = [
        'POST /totp/verify HTTP/1.1',
        'Host: localhost',
        'X-User: ann',
        'Content-Type: application/json',
        'Content-Encoding: gzip',
        `Content-Length: ${String(packed.length)}`,
      ];
      const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), packed]);
      const port = Number(new URL(application().url).port);
      expect(await exchange(port, { bytes, isHead: false, ending: 'wait' })).toMatchObject({
        status: platform === 'Express' ? 413 : 400,
      });
    });

    it('has logged nothing but that a body was too large', () => {
      expect(log.lines.filter((line) => !line.includes('PayloadTooLargeError: request entity too large\n'))).toEqual(
        [],
      );
      expect(log.problems(records)).toEqual([]);
    });
  });
});
