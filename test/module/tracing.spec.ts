/** Events name the trace of the request that caused them, where the application has OpenTelemetry. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { type Context, context, type ContextManager, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { type AnyTotpEvent, TotpEventDestination, TotpOutboxRelay } from 'nestjs-totp';
import { startApplication, type TestApplication } from '../support/application.js';
import { databases, type OpenDatabase } from '../support/databases.js';

/** As the SDK's own context manager, as far as a test needs it. */
class AsyncContextManager implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.storage.run(active, () => run.apply(thisArg, args));
  }

  bind<T>(_: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

@Injectable()
class Recording extends TotpEventDestination {
  readonly name = 'recording';
  static readonly taken: AnyTotpEvent[] = [];

  override deliver(event: AnyTotpEvent): Promise<void> {
    Recording.taken.push(event);
    return Promise.resolve();
  }
}

const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
let database: OpenDatabase;
let application: TestApplication;

beforeEach(async () => {
  Recording.taken.length = 0;
  database = await databases[0].open();
  application = await startApplication({
    database,
    options: { events: { outbox: true, relay: false }, eventDestinations: [Recording] },
  });
});

afterEach(async () => {
  context.disable();
  await application.close();
  await database.drop();
});

/** What the stored event says, of a device that is created in a context. */
async function traceparentIn(active: Context): Promise<string | undefined> {
  await context.with(active, () => application.totp.createDevice({ userId: 'ann', onBehalfOf: 'application' }));
  await application.app.get(TotpOutboxRelay).runOnce();
  return Recording.taken.at(-1)?.traceparent;
}

it.each([
  ['is sampled', TraceFlags.SAMPLED, '01'],
  ['is not sampled', TraceFlags.NONE, '00'],
])('an event carries the trace and span of its request, which %s', async (_, traceFlags, flags) => {
  context.setGlobalContextManager(new AsyncContextManager());
  const active = trace.setSpanContext(ROOT_CONTEXT, { ...span, traceFlags });
  expect(await traceparentIn(active)).toBe(`00-${span.traceId}-${span.spanId}-${flags}`);
});

it('an event outside of a trace carries none', async () => {
  context.setGlobalContextManager(new AsyncContextManager());
  expect(await traceparentIn(ROOT_CONTEXT)).toBeUndefined();
  const invalid = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: TraceFlags.SAMPLED };
  expect(await traceparentIn(trace.setSpanContext(ROOT_CONTEXT, invalid))).toBeUndefined();
});

it('an event carries none when the tracer fails', async () => {
  const manager = new AsyncContextManager();
  context.setGlobalContextManager(manager);
  manager.active = () => {
    throw new Error('the tracer failed');
  };
  expect(await traceparentIn(ROOT_CONTEXT)).toBeUndefined();
  expect(Recording.taken).toHaveLength(1);
});

it('an event carries none where the application has registered no tracer', async () => {
  const active = trace.setSpanContext(ROOT_CONTEXT, { ...span, traceFlags: TraceFlags.SAMPLED });
  expect(await traceparentIn(active)).toBeUndefined();
});
