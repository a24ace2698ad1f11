/** Two applications on one database, each with its own pool as two processes have it, and users whose calls come all at once. */
import { randomUUID } from 'node:crypto';
import type { AnyTotpEvent, TotpEventMap, TotpService } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { platforms, startApplication, type TestApplication } from '../support/application.js';
import type { OpenDatabase, TestDatabase } from '../support/databases.js';

const REPETITIONS = 10;
const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
/** What the applications' clocks show. */
const TIME = new TestTotpClock().now();
export const WRONG = '000000';

/** One application per HTTP platform, for all tests of a `describe`. */
export function useCrowd(open: TestDatabase['open']): Crowd {
  const applications: TestApplication[] = [];
  let database: OpenDatabase;
  beforeAll(async () => {
    database = await open();
    const options = { trustedBrowsers: { max: 3 } };
    for (const platform of platforms) applications.push(await startApplication({ database, platform, options }));
  });
  afterAll(async () => {
    for (const application of applications) await application.close();
    await database.drop();
  });
  return new Crowd(applications);
}

export class Crowd {
  constructor(readonly applications: readonly TestApplication[]) {}

  /** A burst, ten times in a row, each time with a user of its own who has a device "phone". */
  async tenTimes(burst: (user: User) => Promise<void>): Promise<void> {
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      const user = new User(this);
      await user.totp.importDevice({ userId: user.id, deviceName: 'phone', secretKey: SECRET });
      for (const { events } of this.applications) events.clear();
      await burst(user);
    }
  }

  /** Makes calls all at once, in turn on each application, and waits for all answers. */
  atOnce<T>(count: number, call: (application: TestApplication, n: number) => Promise<T>): Promise<T[]> {
    const calls = Array.from({ length: count }, (_, n) => {
      const application = this.applications[n % this.applications.length];
      if (application === undefined) throw new Error('No application runs.');
      return call(application, n);
    });
    return Promise.all(calls);
  }

  named<Name extends keyof TotpEventMap>(name: Name): Extract<AnyTotpEvent, { name: Name }>[] {
    return this.applications.flatMap(({ events }) => events.named(name));
  }
}

export class User {
  readonly id = randomUUID();

  constructor(private readonly crowd: Crowd) {}

  get totp(): TotpService {
    const [first] = this.crowd.applications;
    if (first === undefined) throw new Error('No application runs.');
    return first.totp;
  }

  /** The code that the phone shows, now or some steps away. */
  code(stepsAway = 0): string {
    return totpCode(SECRET, TIME + stepsAway * 30_000);
  }

  /** Makes an unverified device, and tells the code that it shows. */
  async codeOfNewDevice(deviceName: string): Promise<string> {
    const made = await this.totp.createDevice({ userId: this.id, deviceName, onBehalfOf: 'application' });
    return totpCode('secret' in made ? made.secret : '', TIME);
  }

  async deviceNames(): Promise<string[]> {
    const { devices } = await this.totp.listDevices({ userId: this.id });
    return devices.map(({ name }) => name);
  }

  importPhone(totp = this.totp) {
    return totp.importDevice({ userId: this.id, deviceName: 'phone', secretKey: SECRET });
  }
}

export interface Status {
  readonly status: string;
}

/** How many answers there were of each status. */
export function statuses(answers: readonly Status[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The counts that `INVALID_TOTP_ERROR`s told, in order. */
export function failureCounts(answers: readonly object[]): number[] {
  return answers
    .filter((answer) => 'status' in answer && answer.status === 'INVALID_TOTP_ERROR')
    .map((answer) => ('currentNumberOfFailedAttempts' in answer ? Number(answer.currentNumberOfFailedAttempts) : NaN))
    .toSorted((a, b) => a - b);
}
