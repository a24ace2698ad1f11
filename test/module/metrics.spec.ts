/** What the module counts through OpenTelemetry: as much as happened, without naming a user. */
import { Injectable, Logger } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { jest } from '@jest/globals';
import { type AnyTotpEvent, TotpAccountStore, TotpEventDestination, TotpMetrics, TotpOutboxRelay } from 'nestjs-totp';
import { read, tableRows } from '../docs/documents.js';
import { startApplication, type TestApplication } from '../support/application.js';
import { answered, Person } from '../support/client.js';
import { databases, type OpenDatabase } from '../support/databases.js';
import { endRetryWaits } from '../support/outbox.js';

let exporter: InMemoryMetricExporter;
let provider: MeterProvider;
let database: OpenDatabase | undefined;
const running: TestApplication[] = [];

beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  // The reader looks when the test says so: its own interval never comes round.
  const readers = [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 86_400_000 })];
  provider = new MeterProvider({ readers });
  metrics.setGlobalMeterProvider(provider);
});

afterEach(async () => {
  for (const { close } of running.splice(0)) await close();
  await database?.drop();
  database = undefined;
  await provider.shutdown();
  metrics.disable();
  jest.restoreAllMocks();
});

async function exported(): Promise<ResourceMetrics[]> {
  exporter.reset();
  await provider.forceFlush();
  return exporter.getMetrics();
}

/** Every figure, under its name, its unit and the values of its attributes. */
async function figures(): Promise<Record<string, number>> {
  const told = (await exported()).flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return Object.fromEntries(
    told.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [
        [`${descriptor.name} ${descriptor.unit}`, ...Object.values(attributes)].join(' '),
        Number(value),
      ]),
    ),
  );
}

async function start(options: Parameters<typeof startApplication>[0]['options'] = {}): Promise<TestApplication> {
  database ??= await databases[0].open();
  const application = await startApplication({ database, options });
  running.push(application);
  return application;
}

/** Takes events, or throws what the test says. */
@Injectable()
class Letters extends TotpEventDestination {
  static fault: ((event: AnyTotpEvent) => unknown) | undefined;
  readonly name = 'letters';

  override deliver(event: AnyTotpEvent): Promise<void> {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a destination may throw anything
    return Letters.fault === undefined ? Promise.resolve() : Promise.reject(Letters.fault(event));
  }
}

const withOutbox = { events: { outbox: true, maxAttempts: 2 }, eventDestinations: [Letters] };

afterEach(() => {
  Letters.fault = undefined;
});

describe.each(databases)('on $name', ({ open }) => {
  it('counts codes, locks and conflicts as they were, of parallel calls in two processes too', async () => {
    database = await open();
    const applications = [await start(), await start()] as const;
    const lost: unknown[] = [];
    for (const { app } of applications) {
      const store = app.get(TotpAccountStore);
      const commit = store.commit.bind(store);
      jest.spyOn(store, 'commit').mockImplementation(async (...change) => {
        const isCommitted = await commit(...change);
        if (!isCommitted) lost.push(change);
        return isCommitted;
      });
    }
    const person = new Person(applications[0]);
    const elsewhere = new Person(applications[1], { userId: person.userId });
    const statuses = async (totp: string) => {
      const calls = Array.from({ length: 20 }, (_, n) => (n % 2 ? person : elsewhere).signIn(totp));
      return (await Promise.all(calls)).map(({ body }) => (body as { status: string }).status);
    };
    const phone = await person.enrol('phone');
    const accepted = (await statuses(phone.code(1))).filter((status) => status === 'OK');
    const refused = (await statuses(person.wrongCode())).filter((status) => status === 'LIMIT_REACHED_ERROR');
    expect([accepted.length, refused.length]).toEqual([1, 15]);
    const { 'totp.commit.conflicts {conflict}': conflicts = 0, ...codes } = await figures();
    expect(codes).toEqual({
      'totp.codes {code} verified': 1,
      'totp.codes {code} accepted': 1,
      'totp.codes {code} replayed': 19,
      'totp.codes {code} rejected': 5,
      'totp.locks {lock}': 1,
    });
    expect(conflicts).toBe(lost.length);
  });

  it('reports the outbox: deliveries, faults, what waits and since when', async () => {
    database = await open();
    const application = await start(withOutbox);
    const { app, clock } = application;
    const relay = app.get(TotpOutboxRelay);
    await new Person(application).enrol('phone');
    await relay.runOnce();
    const delivered = { 'totp.outbox.deliveries {delivery} letters': 2 };
    expect(await figures()).toMatchObject({
      ...delivered,
      'totp.outbox.entries {entry} letters waiting': 0,
      'totp.outbox.entries {entry} letters dead-lettered': 0,
      'totp.outbox.age s letters': 0,
    });

    Letters.fault = () => new RangeError('no such letter');
    await new Person(application).create('phone');
    await relay.runOnce();
    clock.advance(0.5);
    expect(await figures()).toMatchObject({
      ...delivered,
      'totp.outbox.deliveries {delivery} letters RangeError': 1,
      'totp.outbox.entries {entry} letters waiting': 1,
      'totp.outbox.age s letters': 0.5,
    });

    Letters.fault = () => 'no error';
    await endRetryWaits(app);
    await relay.runOnce();
    expect(await figures()).toMatchObject({
      ...delivered,
      'totp.outbox.deliveries {delivery} letters RangeError': 1,
      'totp.outbox.deliveries {delivery} letters _OTHER': 1,
      'totp.outbox.entries {entry} letters waiting': 0,
      'totp.outbox.entries {entry} letters dead-lettered': 1,
      'totp.outbox.age s letters': 0,
    });
  });
});

it('counts a conflict for each time that a change is decided again', async () => {
  const { app, totp } = await start();
  jest.spyOn(app.get(TotpAccountStore), 'commit').mockResolvedValueOnce(false).mockResolvedValueOnce(false);
  await totp.createDevice({ userId: 'ann', deviceName: 'phone', onBehalfOf: 'application' });
  expect(await figures()).toEqual({ 'totp.commit.conflicts {conflict}': 2 });
});

it('has the names and units that docs/metrics.md lists', async () => {
  const application = await start(withOutbox);
  const person = new Person(application);
  await person.enrol();
  await person.spendBudget();
  jest.spyOn(application.app.get(TotpAccountStore), 'commit').mockResolvedValueOnce(false);
  await application.totp.unlockUser({ userId: person.userId });
  await application.app.get(TotpOutboxRelay).runOnce();
  const counted = Object.keys(await figures()).map((name) => name.split(' ').slice(0, 2).join(' '));
  const documented = tableRows(read('docs/metrics.md')).flatMap(([name = '', , unit = '', ...more]) =>
    more.length > 0 ? `${name} ${unit}`.replaceAll('`', '') : [],
  );
  expect([...new Set(counted)].toSorted()).toEqual(documented.toSorted());
});

it('names no user, device, session or tenant, and no text of an error', async () => {
  const application = await start(withOutbox);
  const { app, totp, clock, events } = application;
  const person = new Person(application);
  const fault = class DestinationFault extends Error {};
  Letters.fault = (event) => Object.assign(new fault(JSON.stringify(event)), { name: event.userId });
  const phone = await person.enrol('my own phone');
  for (const code of [phone.code(1), phone.code(1)]) await person.signIn(code);
  await person.spendBudget();
  await totp.unlockUser({ userId: person.userId, tenantId: 'a tenant' });
  clock.advance(1);
  await app.get(TotpOutboxRelay).runOnce();

  const told = JSON.stringify(await exported());
  expect(told).toContain('DestinationFault');
  const owned = new Set(
    events.events.flatMap((event) =>
      Object.entries(event).flatMap(([key, value]) =>
        /^(name|reason)$/.test(key) || typeof value !== 'string' ? [] : value,
      ),
    ),
  );
  expect([...owned]).toEqual(expect.arrayContaining([person.userId, 'my own phone', 'a tenant']));
  for (const text of owned) expect(told).not.toContain(JSON.stringify(text).slice(1, -1));
});

it('asks nothing of an outbox that is not in use, nor of a database that is closed', async () => {
  await start();
  expect(Object.keys(await figures())).toEqual([]);
  const { app, statements, close } = await start(withOutbox);
  const backlog = jest.spyOn(app.get(TotpOutboxRelay), 'backlog');
  const before = statements.length;
  await figures();
  expect(backlog).toHaveBeenCalledTimes(1);
  expect(statements.slice(before).filter((statement) => statement.includes('COUNT'))).toHaveLength(1);
  running.pop();
  await close();
  await figures();
  expect(backlog).toHaveBeenCalledTimes(1);
});

it("is counted by the application's own TotpMetrics instead", async () => {
  class OwnMetrics extends TotpMetrics {
    readonly seen: unknown[] = [];

    override recordEvent(name: AnyTotpEvent['name']): void {
      this.seen.push(name);
    }

    override recordConflict(): void {
      this.seen.push('conflict');
    }

    override recordDelivery(destination: string): void {
      this.seen.push(destination);
    }

    override observeBacklog(): () => void {
      return () => this.seen.push('ended');
    }
  }
  const own = new OwnMetrics();
  const providers = [{ provide: TotpMetrics, useValue: own }];
  const { app, totp, close } = await start({ ...withOutbox, providers });
  await totp.createDevice({ userId: 'ann', onBehalfOf: 'application' });
  await app.get(TotpOutboxRelay).runOnce();
  running.pop();
  await close();
  expect(own.seen).toEqual(['totp.device.created', 'letters', 'ended']);
  expect(await figures()).toEqual({});
});

describe('TotpMetrics that throws', () => {
  const fail = (): never => {
    throw new Error('The meter is broken.');
  };
  class BrokenMetrics extends TotpMetrics {
    override recordEvent = fail;
    override recordConflict = fail;
    override recordDelivery = fail;
    override observeBacklog = fail;
  }

  it('changes no answer, loses no event, and is logged once by each part that uses it', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const application = await start({
      ...withOutbox,
      providers: [{ provide: TotpMetrics, useValue: new BrokenMetrics() }],
    });
    const { app } = application;
    jest.spyOn(app.get(TotpAccountStore), 'commit').mockResolvedValueOnce(false);
    const heard: string[] = [];
    Letters.fault = ({ name }) => heard.push(name);
    const person = new Person(application);
    const phone = await person.enrol('phone');
    expect(await person.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    await app.get(TotpOutboxRelay).runOnce();
    expect(heard).toEqual(['totp.device.created']);
    Letters.fault = undefined;
    await endRetryWaits(app);
    await app.get(TotpOutboxRelay).runOnce();
    expect(await app.get(TotpOutboxRelay).backlog()).toMatchObject([{ waiting: 0, deadLettered: 0 }]);
    const failures = logged.mock.calls.filter(([message]) => String(message).startsWith('TotpMetrics failed'));
    expect(failures).toHaveLength(2);
  });
});
