/** The promises of a `TotpSessionAdapter`, as tests for an application's own adapter. */
import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import { SessionContainer } from '../sessions/session.js';
import type { TotpSessionAdapter } from '../sessions/session-adapter.js';
import { TotpConfigurationError } from '../shared/errors.js';
import type { ContractTest } from './contract.js';
import { TestExecutionContext } from './execution-context.js';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
/** Stores may round the time of a completion to whole seconds. */
const ROUNDING_MS = 1_000;

/** An adapter, and the application's way to sign in. */
export interface SessionsUnderTest {
  readonly adapter: TotpSessionAdapter;

  /** A request of somebody who has not signed in: see `SignedIn.request`. */
  readonly anonymousRequest: () => object | Promise<object>;

  /** Signs a user in: `ann` or `bob`. Each call starts another session. */
  readonly signIn: (userId: string) => SignedIn | Promise<SignedIn>;
}

/** A session, as the browser or app that has it sees it. */
export interface SignedIn {
  /**
   * The next request of the session, as `TotpGuard` sees it: after the session middleware and the sign-in guard. A plain object is what
   * those have set on the request, such as `{ session, user }`; the suite then makes the request.
   *
   * @param completedAt when the session has completed TOTP, in epoch ms: for tokens that carry it. Sessions that store it ignore this.
   */
  request(completedAt?: number): object | Promise<object>;
}

/**
 * The promises of `TotpSessionAdapter`: a session belongs to whom the server has signed in, and remembers its own completion, and nothing that
 * a client sends passes for a session.
 *
 * @param open called by each test
 */
export function sessionAdapterContract(
  open: () => SessionsUnderTest | Promise<SessionsUnderTest>,
): readonly ContractTest[] {
  const tests: readonly (readonly [name: string, run: (sessions: SessionsUnderTest) => Promise<void>])[] = [
    ['a request without a signed-in user has no session', hasNoSession],
    ['what a client writes into a request is not a session', ignoresClientsData],
    ['what a client writes into a message is not a session', ignoresMessages],
    ['a session names its user, its tenant and itself', namesItself],
    ['a session keeps its handle, and each sign-in has another', keepsItsHandle],
    ['a new session has not completed TOTP', startsIncomplete],
    ['a session remembers when it completed TOTP', remembersCompletion],
    ['a later completion replaces the earlier one', remembersLaterCompletion],
    ['a completion belongs to one session only', keepsCompletionsApart],
    ['two requests may complete a session at the same time', completesTwice],
  ];
  return tests.map(([name, run]) => ({ name, run: async () => run(await open()) }));
}

/** What people have tried: the names under which applications keep users, sessions and completions. */
const FORGED = {
  id: 'ann',
  sub: 'ann',
  userId: 'ann',
  user: { id: 'ann', sub: 'ann', userId: 'ann', amr: ['mfa'], auth_time: NOW / 1_000 },
  session: { id: 'forged', userId: 'ann', user: { id: 'ann' }, totp: { userId: 'ann', completedAt: NOW } },
  amr: ['mfa'],
  auth_time: NOW / 1_000,
  completedAt: NOW,
};

async function hasNoSession({ adapter, anonymousRequest }: SessionsUnderTest): Promise<void> {
  assert.equal(await adapter.resolve(httpContext(requestWith(await anonymousRequest()))), undefined);
}

async function ignoresClientsData({ adapter, anonymousRequest }: SessionsUnderTest): Promise<void> {
  const request = requestWith(await anonymousRequest());
  const headers: unknown = Reflect.get(request, 'headers');
  const forgedHeaders = {
    'x-user-id': 'ann',
    'x-user': JSON.stringify(FORGED.user),
    'x-totp-completed-at': String(NOW),
  };
  for (const part of ['body', 'query', 'params']) Reflect.set(request, part, FORGED);
  Reflect.set(request, 'headers', { ...(typeof headers === 'object' ? headers : {}), ...forgedHeaders });
  assert.equal(await adapter.resolve(httpContext(request)), undefined);
}

async function ignoresMessages({ adapter }: SessionsUnderTest): Promise<void> {
  const contexts = [
    new TestExecutionContext('rpc', [FORGED, {}]),
    new TestExecutionContext('ws', [{}, FORGED]),
    new TestExecutionContext('graphql', [undefined, FORGED, {}, undefined]),
    new TestExecutionContext('another transport', [FORGED]),
  ];
  for (const context of contexts) {
    assert.equal(await adapter.resolve(context).catch(isConfigurationError), undefined, context.getType());
  }
}

async function namesItself({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  // The container checks that all three are strings and not empty.
  const session = await sessionOf(adapter, await signIn('ann'));
  assert.equal(session.getUserId(), 'ann');
}

async function keepsItsHandle({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const [ann, again, bob] = [await signIn('ann'), await signIn('ann'), await signIn('bob')];
  const handle = (await sessionOf(adapter, ann)).getHandle();
  assert.equal((await sessionOf(adapter, ann)).getHandle(), handle);
  assert.notEqual((await sessionOf(adapter, again)).getHandle(), handle);
  assert.notEqual((await sessionOf(adapter, bob)).getHandle(), handle);
}

async function startsIncomplete({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const session = await sessionOf(adapter, await signIn('ann'));
  assert.equal(await session.getCompletedAt(), undefined);
}

async function remembersCompletion({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const ann = await signIn('ann');
  const session = await sessionOf(adapter, ann);
  await session.complete(NOW);
  isAbout(await session.getCompletedAt(), NOW);
  isAbout(await (await sessionOf(adapter, ann, NOW)).getCompletedAt(), NOW);
}

async function remembersLaterCompletion({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const [ann, later] = [await signIn('ann'), NOW + MINUTE_MS];
  await (await sessionOf(adapter, ann)).complete(NOW);
  await (await sessionOf(adapter, ann, NOW)).complete(later);
  isAbout(await (await sessionOf(adapter, ann, later)).getCompletedAt(), later);
}

async function keepsCompletionsApart({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const others = [await signIn('ann'), await signIn('bob')];
  await (await sessionOf(adapter, await signIn('ann'))).complete(NOW);
  others.push(await signIn('ann'), await signIn('bob'));
  for (const other of others) assert.equal(await (await sessionOf(adapter, other)).getCompletedAt(), undefined);
}

async function completesTwice({ adapter, signIn }: SessionsUnderTest): Promise<void> {
  const ann = await signIn('ann');
  const sessions = [await sessionOf(adapter, ann), await sessionOf(adapter, ann)];
  await Promise.all(sessions.map((session) => session.complete(NOW)));
  isAbout(await (await sessionOf(adapter, ann, NOW)).getCompletedAt(), NOW);
}

async function sessionOf(adapter: TotpSessionAdapter, by: SignedIn, completedAt?: number): Promise<SessionContainer> {
  const session = await adapter.resolve(httpContext(requestWith(await by.request(completedAt))));
  assert.ok(session, 'resolve() found no session of a signed-in user');
  return new SessionContainer(session);
}

function isAbout(time: number | undefined, expected: number): void {
  assert.ok(time !== undefined, 'completedAt() returned undefined after complete()');
  assert.ok(
    Math.abs(time - expected) < ROUNDING_MS,
    `completedAt() returned ${String(time)} after complete(${String(expected)})`,
  );
}

/** Undefined for the error that says that a context has no session; any other is thrown on. */
function isConfigurationError(error: unknown): undefined {
  if (!(error instanceof TotpConfigurationError)) throw error;
}

function requestWith(request: object): object {
  const isPlain = Object.getPrototypeOf(request) === Object.prototype;
  return isPlain ? Object.assign(new IncomingMessage(new Socket()), request) : request;
}

function httpContext(request: object): ExecutionContext {
  return new TestExecutionContext('http', [request, {}]);
}
