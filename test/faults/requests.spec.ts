/** Every statement of every request meets a fault: a 5xx or the true answer, and never another one (check L8). */
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { TotpAccountStore, TotpSessionAdapter, TotpTokenSessionAdapter } from 'nestjs-totp';
import { StoreConnection } from '../../src/storage/sql/connection.js';
import {
  type Answer,
  answered,
  Authenticator,
  invalidClaim,
  invalidTotp,
  Person,
  refused,
  useApplication,
} from '../support/client.js';
import { databases } from '../support/databases.js';
import { FaultyConnection, isNotSent, losesItsReply, type Meet } from './faulty-connection.js';
import { SECRET } from './operations.js';
import { hasty } from './site.js';

/** A sign-in by tokens, whose sessions the module remembers by statements of its own. */
@Injectable()
class TokenSignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
    request.user = { sub: request.headers['x-user'], sid: request.headers['x-session'] };
    return true;
  }
}

interface Request {
  readonly name: string;
  /** The device that the person has, . */
  readonly device: 'verified' | 'unverified';
  /** Whether the session has to have entered a code. */
  readonly needsCode?: boolean;
  readonly send: (person: Person) => Promise<Answer>;
  readonly answer: Answer;
  /** To the same request once more. */
  readonly again: Answer;
  /** Whether the session has entered a code after the answer. */
  readonly completes?: boolean;
}

const OK = answered({ status: 'OK' });
const created = answered(expect.objectContaining({ status: 'OK', deviceName: 'tablet' }));
const phone = answered({ status: 'OK', devices: [expect.objectContaining({ name: 'phone', verified: true })] });
const RECOVERY_CODES = ['aBcDeFgHiJkLmNoPqRsT', 'bCdEfGhIjKlMnOpQrStU'];
const codesMade = answered({ status: 'OK', recoveryCodes: expect.any(Array) });
const wrongRecoveryCode = answered({ status: 'INVALID_RECOVERY_CODE_ERROR' });
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });
const code = (person: Person, steps = 0) => person.authenticators[0]?.code(steps) ?? '';

const requests: readonly Request[] = [
  {
    name: 'POST /device',
    device: 'verified',
    needsCode: true,
    send: (person) => person.post('/device', { deviceName: 'tablet' }),
    answer: created,
    again: created,
  },
  {
    name: 'POST /device in a session that has not entered a code',
    device: 'verified',
    send: (person) => person.post('/device', { deviceName: 'tablet' }),
    answer: invalidClaim,
    again: invalidClaim,
  },
  { name: 'GET /device/list', device: 'verified', send: (person) => person.list(), answer: phone, again: phone },
  {
    name: 'POST /device/rename',
    device: 'verified',
    needsCode: true,
    send: (person) => person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'tablet' }),
    answer: OK,
    again: answered({ status: 'UNKNOWN_DEVICE_ERROR' }),
  },
  {
    name: 'POST /device/remove',
    device: 'verified',
    needsCode: true,
    send: (person) => person.post('/device/remove', { deviceName: 'phone' }),
    answer: answered({ status: 'OK', didDeviceExist: true }),
    again: answered({ status: 'OK', didDeviceExist: false }),
  },
  {
    name: 'POST /device/verify with a right code',
    device: 'unverified',
    send: (person) => person.verify('phone', code(person)),
    answer: answered({ status: 'OK', wasAlreadyVerified: false }),
    again: answered({ status: 'OK', wasAlreadyVerified: true }),
    completes: true,
  },
  {
    name: 'POST /device/verify with a wrong code',
    device: 'unverified',
    send: (person) => person.verify('phone', person.wrongCode()),
    answer: invalidTotp(1),
    again: invalidTotp(2),
  },
  {
    name: 'POST /verify with a right code',
    device: 'verified',
    send: (person) => person.signIn(code(person)),
    answer: OK,
    again: invalidTotp(0),
    completes: true,
  },
  {
    name: 'POST /verify with a wrong code',
    device: 'verified',
    send: (person) => person.signIn(person.wrongCode()),
    answer: invalidTotp(1),
    again: invalidTotp(2),
  },
  {
    name: 'POST /recovery-codes',
    device: 'verified',
    needsCode: true,
    send: (person) => person.post('/recovery-codes', {}),
    answer: codesMade,
    again: codesMade,
  },
  {
    name: 'POST /recovery-codes/verify with a right code',
    device: 'verified',
    send: (person) => person.post('/recovery-codes/verify', { recoveryCode: RECOVERY_CODES[0] }),
    answer: answered({ status: 'OK', recoveryCodesLeft: 1 }),
    again: wrongRecoveryCode,
    completes: true,
  },
  {
    name: 'POST /recovery-codes/verify with a wrong code',
    device: 'verified',
    send: (person) => person.post('/recovery-codes/verify', { recoveryCode: '0000' }),
    answer: wrongRecoveryCode,
    again: wrongRecoveryCode,
  },
];

const faults: readonly { readonly name: string; readonly meet: Meet; readonly goesOn?: boolean }[] = [
  { name: 'fails before it is sent', meet: isNotSent },
  { name: 'is done while its reply is lost', meet: losesItsReply },
  { name: 'is done while its reply is lost, as is every later one', meet: losesItsReply, goesOn: true },
];

describe.each(databases)('on $name', ({ open }) => {
  const application = useApplication({
    open: async () => {
      const database = await open();
      return { ...database, options: hasty(database.options) };
    },
    options: { guards: [TokenSignIn], providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }] },
  });
  let connection: FaultyConnection;
  beforeAll(async () => {
    connection = new FaultyConnection(await application().app.get(StoreConnection).open());
  });

  /** Somebody whose authenticator shows a code that nobody has entered yet. */
  async function newPerson({ device, needsCode }: Request): Promise<Person> {
    const { totp } = application();
    const person = new Person(application());
    const { userId } = person;
    const made =
      device === 'verified'
        ? undefined
        : await totp.createDevice({ userId, deviceName: 'phone', onBehalfOf: 'application' });
    const secret = made?.status === 'OK' ? made.secret : SECRET;
    if (device === 'verified') {
      await totp.importDevice({ userId, deviceName: 'phone', secretKey: SECRET });
      await totp.importRecoveryCodes({ userId, recoveryCodes: RECOVERY_CODES });
    }
    person.authenticators.push(new Authenticator(application(), 'phone', secret, secret));
    if (needsCode) expect(await person.signIn(code(person, -1))).toEqual(OK);
    return person;
  }

  const stored = ({ userId }: Person) => application().app.get(TotpAccountStore).load(userId);

  it.each(requests)('L8: $name, each of whose statements meets a fault', async (request) => {
    const { send, answer, again, completes } = request;
    const undisturbed = await newPerson(request);
    connection.meetNoFault();
    expect(await send(undisturbed)).toEqual(answer);
    const statements = [...connection.statements];
    expect(await send(undisturbed)).toEqual(again);

    const cases = faults.flatMap((fault) =>
      statements.map((statement, index) => ({ ...fault, statement, n: index + 1 })),
    );
    const people = await Promise.all(cases.map(() => newPerson(request)));
    for (const [index, person] of people.entries()) {
      const { meet, goesOn, ...fault } = cases[index] ?? { meet: isNotSent, n: 1 };
      const before = await stored(person);
      connection.meetFault(fault.n, goesOn ? Infinity : fault.n, meet);
      const got = await send(person);
      connection.meetNoFault();
      expect({ fault, got }).toEqual({ fault, got: got.status === 200 ? answer : serverError });

      const isDone = (await stored(person))?.revision !== before?.revision;
      const retried = await send(person);
      if (got.status === 200 || !isDone) {
        expect({ fault, retried }).toEqual({ fault, retried: got.status === 200 ? again : answer });
      } else {
        // What was done is not done again. A session that could not be marked has to enter another code.
        expect([again, invalidClaim]).toContainEqual(retried);
      }
      if (completes && got.status === 200)
        expect((await person.post('/device/remove', { deviceName: 'phone' })).status).toBe(200);
    }
  });
});
