import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { everywhere, useApplication } from '../support/client.js';
import { MAX_BROWSERS, MAX_DEVICES, OUTCOMES } from './answers.js';
import { Log } from './log.js';
import { anyPast, anyRequest, requestsWith, ROUTES, wellFormedRequest } from './requests.js';
import { PATIENCE, settings } from './runs.js';
import { inAscii, TRAPS, validText } from './texts.js';
import { Records, Visitor } from './visitor.js';

describe.each(everywhere)('$name', ({ name, platform, open }) => {
  const isThorough = name.endsWith('SQLite');
  const share = isThorough ? 1 : 0.25;
  const log = new Log();
  const records = new Records();
  const userIds = new Set<string>();
  const application = useApplication({
    platform,
    open,
    options: { maxDevices: MAX_DEVICES, trustedBrowsers: { max: MAX_BROWSERS } },
    configure: (app) => {
      log.open();
      app.useLogger(log.logger);
    },
  });
  // What it says of its start is not asked for.
  beforeAll(() => (log.lines.length = 0));
  afterAll(() => jest.restoreAllMocks());

  const visitor = (userId: string) => {
    const made = new Visitor(application(), records, userId);
    userIds.add(userId).add(made.strangerId);
    return made;
  };

  if (isThorough) {
    it.each(TRAPS.map((trap) => [inAscii(trap), trap] as const))(
      'C5: answers %s in every field of every route as documented',
      async (_, trap) => {
        const somebody = visitor(randomUUID());
        await somebody.live({ verified: 0, unverified: 1, completed: false, failures: 0 });
        for (const request of requestsWith(trap)) await somebody.send(request);
      },
    );
  }

  it(
    'answers every request, one after the other, as documented',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          validText,
          anyPast,
          fc.array(wellFormedRequest(2_000), { minLength: 1, maxLength: 30, size: 'max' }),
          async (id, past, requests) => {
            const somebody = visitor(id + randomUUID());
            await somebody.live(past);
            for (const request of requests) await somebody.send(request);
          },
        ),
        settings(share),
      );
    },
    PATIENCE,
  );

  it(
    'answers many requests of one user at once as documented',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          anyPast,
          fc.array(wellFormedRequest(2_000), { minLength: 5, maxLength: 20, size: 'max' }),
          async (past, requests) => {
            const somebody = visitor(randomUUID());
            await somebody.live(past);
            await Promise.all(requests.map((request) => somebody.send(request)));
          },
        ),
        settings(share / 4),
      );
    },
    PATIENCE,
  );

  it(
    'survives connections that break, and requests that are no HTTP',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyRequest, { minLength: 1, maxLength: 20, size: 'max' }), async (requests) => {
          const somebody = visitor(randomUUID());
          await Promise.all(requests.map((request) => somebody.send(request)));
        }),
        settings(share / 2),
      );
    },
    PATIENCE,
  );

  if (isThorough) {
    it('has met every outcome of every route, and every refusal', () => {
      const outcomes = Object.entries(OUTCOMES).flatMap(([route, statuses]) =>
        Object.keys(statuses).map((status) => `${route} 200 ${status}`),
      );
      const refusals = ROUTES.flatMap(([method, route]) =>
        (method === 'GET' ? [401] : [400, 401]).map((status) => `${method} ${route} ${String(status)}`),
      );
      const stepUps = [
        '/device',
        '/device/remove',
        '/device/verify',
        '/device/rename',
        '/recovery-codes',
        '/trusted-browsers/forget',
      ].map((route) => `POST ${route} 403`);
      expect([...outcomes, ...refusals, ...stepUps].filter((answer) => !records.answers.has(answer))).toEqual([]);
    });
  }

  it('S4: has logged nothing but that connections broke, and once that a stranger looked signed in', () => {
    const others = log.lines.filter((line) => !line.includes('ERROR [ExceptionsHandler] Error: aborted\n'));
    const hints = others.filter((line) => line.includes('your sign-in guard runs too late or not at all'));
    expect(hints.length).toBeLessThanOrEqual(1);
    expect(others.filter((line) => !hints.includes(line))).toEqual([]);
    expect(log.problems(records)).toEqual([]);
  });

  it('L6: keeps an account of those alone who were signed in, and none that cannot be read', async () => {
    const rows = await application()
      .app.get(DataSource)
      .query<{ user_id: string }[]>('SELECT user_id FROM totp_accounts');
    expect(rows.filter((row) => !userIds.has(JSON.parse(row.user_id)))).toEqual([]);
    for (const userId of userIds) {
      expect(await application().totp.getStatus({ userId })).toMatchObject({ status: 'OK', userId });
    }
  });

  it('has not changed what every object has', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect('polluted' in {}).toBe(false);
  });
});
