/** People who use an application over HTTP, and the authenticators that they hold. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import { type ApplicationSettings, platforms, startApplication, type TestApplication } from './application.js';
import { databases, type OpenDatabase, type TestDatabase } from './databases.js';

/** Every platform on every database: `describe.each(everywhere)('$name', ({ platform, open }) => …)`. */
export const everywhere = databases.flatMap(({ name, open }) =>
  platforms.map((platform) => ({ name: `${platform} on ${name}`, platform, open })),
);

/** Every database, behind one platform or the other: for rules that the platform has no part in. */
export const everyDatabase = everywhere.filter((_, n) => n % 4 === 0 || n % 4 === 3);

/** One application for all tests of a `describe`, on SQLite unless `open` says otherwise. */
export function useApplication({
  open = databases[0].open,
  ...settings
}: Omit<ApplicationSettings, 'database'> & {
  readonly open?: TestDatabase['open'];
} = {}): () => TestApplication {
  let database: OpenDatabase | undefined;
  let running: TestApplication | undefined;
  beforeAll(async () => {
    database = await open();
    running = await startApplication({ database, ...settings });
  });
  afterAll(async () => {
    await running?.close();
    await database?.drop();
  });
  return () => {
    if (running === undefined) throw new Error('The application is there in tests and hooks only.');
    return running;
  };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** An outcome: HTTP 200 with exactly this body. */
export function answered(body: object): Answer {
  return { status: 200, body, headers: expect.any(Headers) };
}

/** A refusal: this status with exactly this body. */
export function refused(status: number, body: object): Answer {
  return { status, body, headers: expect.any(Headers) };
}

export function invalidTotp(failures: number): Answer {
  return answered({
    status: 'INVALID_TOTP_ERROR',
    currentNumberOfFailedAttempts: failures,
    maxNumberOfFailedAttempts: 5,
  });
}

export function limitReached(retryAfterMs: number): Answer {
  return answered({
    status: 'LIMIT_REACHED_ERROR',
    retryAfterMs,
    currentNumberOfFailedAttempts: 5,
    maxNumberOfFailedAttempts: 5,
  });
}

export const unauthorised = refused(401, { message: 'unauthorised', errorCode: 'TOTP_SIGN_IN_REQUIRED' });

export function badRequest(message: unknown): Answer {
  return refused(400, { statusCode: 400, message, error: 'Bad Request' });
}

/** The session must enter a code first. */
export const invalidClaim = refused(403, {
  message: 'invalid claim',
  errorCode: 'TOTP_CODE_REQUIRED',
  claimValidationErrors: [
    { id: 'st-mfa', reason: { message: 'Enter the code from your authenticator app.', factorId: 'totp' } },
  ],
});

export interface Message extends Omit<RequestInit, 'headers'> {
  headers?: Record<string, string>;
}

export async function send(url: string, init: Message): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
}

/** An application that listens, and the clock that it goes by. */
export type Reachable = Pick<TestApplication, 'url' | 'clock'>;

/** Steps from the present one, as far as tests go. */
const NEAR = [-3, -2, -1, 0, 1, 2, 3];

/** What `createDevice` answered, as an authenticator app keeps it. */
export class Authenticator {
  constructor(
    private readonly application: Reachable,
    readonly deviceName: string,
    readonly secret: string,
    readonly keyUri: string,
  ) {}

  /** The code that it shows, now or some steps away. */
  code(stepsAway = 0): string {
    return totpCode(this.keyUri, this.application.clock.now() + stepsAway * 30_000);
  }

  /** Whether no two of its codes at about this time are equal. */
  tellsStepsApart(): boolean {
    const period = Number(new URL(this.keyUri).searchParams.get('period')) * 1000;
    const codes = NEAR.map((steps) => totpCode(this.keyUri, this.application.clock.now() + steps * period));
    return new Set(codes).size === codes.length;
  }
}

/** Somebody signed in to an application that uses `HeaderSignIn`: a user of their own, unless one is named. */
export class Person {
  readonly authenticators: Authenticator[] = [];
  private readonly application: Reachable;
  readonly userId: string;
  readonly session: string;
  private readonly path: string;

  constructor(application: Reachable, settings: { userId?: string; session?: string; path?: string } = {}) {
    this.application = application;
    this.userId = settings.userId ?? randomUUID();
    this.session = settings.session ?? randomUUID();
    this.path = settings.path ?? '/totp';
  }

  get headers(): Record<string, string> {
    return { 'x-user': encodeURIComponent(this.userId), 'x-session': this.session };
  }

  /** The same user, signed in once more: with the password alone. */
  signedInAnew(): Person {
    const again = new Person(this.application, { userId: this.userId, path: this.path });
    again.authenticators.push(...this.authenticators);
    return again;
  }

  send(route: string, init: Message = {}): Promise<Answer> {
    return send(this.application.url + this.path + route, { ...init, headers: { ...this.headers, ...init.headers } });
  }

  post(route: string, body: unknown): Promise<Answer> {
    return this.send(route, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  }

  list(): Promise<Answer> {
    return this.send('/device/list');
  }

  verify(deviceName: string, totp: string): Promise<Answer> {
    return this.post('/device/verify', { deviceName, totp });
  }

  signIn(totp: string): Promise<Answer> {
    return this.post('/verify', { totp });
  }

  async create(deviceName?: string): Promise<Authenticator> {
    const { body } = await this.post('/device', { deviceName });
    const made = text(body, 'deviceName', 'secret', 'qrCodeString');
    const authenticator = new Authenticator(this.application, made.deviceName, made.secret, made.qrCodeString);
    // Tests tell steps by their codes. Two near ones are equal by chance once in some 50,000 devices: then it is created again.
    if (!authenticator.tellsStepsApart()) return this.create(made.deviceName);
    this.authenticators.push(authenticator);
    return authenticator;
  }

  /** Creates a device and verifies it with its present code, which is used up by that. */
  async enrol(deviceName?: string): Promise<Authenticator> {
    const authenticator = await this.create(deviceName);
    expect(await this.verify(authenticator.deviceName, authenticator.code())).toEqual(
      answered({ status: 'OK', wasAlreadyVerified: false }),
    );
    return authenticator;
  }

  /** Digits that none of the person's authenticators shows at about this time. */
  wrongCode(): string {
    const right = this.authenticators.flatMap((device) => NEAR.map((steps) => device.code(steps)));
    for (let n = 0; ; n++) {
      const code = String(n).padStart(6, '0');
      if (!right.includes(code)) return code;
    }
  }

  /** Wrong codes until the budget is spent. */
  async spendBudget(): Promise<void> {
    for (let failure = 1; failure <= 5; failure++) {
      expect((await this.signIn(this.wrongCode())).body).toMatchObject({ currentNumberOfFailedAttempts: failure });
    }
  }
}

/** Texts out of an answer; fails the test where one is missing. */
function text<Name extends string>(body: unknown, ...names: Name[]): Record<Name, string> {
  const expected = Object.fromEntries(names.map((name) => [name, expect.any(String)]));
  expect(body).toMatchObject(expected);
  return body as Record<Name, string>;
}
