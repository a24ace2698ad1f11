/** What the module tells others of (contract §6), on every database. */
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { jest } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import {
  TotpAccountStore,
  TotpCodeAcceptedEvent,
  TotpCodeRejectedEvent,
  TotpCodeReplayedEvent,
  TotpDeviceCreatedEvent,
  TotpDeviceRemovedEvent,
  TotpDeviceRenamedEvent,
  TotpDeviceVerifiedEvent,
  TotpUserLockedEvent,
  TotpUserUnlockedEvent,
} from 'nestjs-totp';
import { InMemoryTotpAccountStore } from 'nestjs-totp/testing';
import { answered, everyDatabase, Person, useApplication } from '../support/client.js';

const UUID = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const secretKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

describe.each(everyDatabase)('$name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const newPerson = () => new Person(application());
  const wait = (seconds: number) => {
    application().clock.advance(seconds);
  };
  const eventsOf = ({ userId }: { userId: string }) =>
    application().events.events.filter((event) => event.userId === userId);
  /** What happened since, as it would leave the process, and the classes of the events. */
  const newEvents = async (of: { userId: string }, act: () => Promise<unknown>) => {
    const before = eventsOf(of).length;
    await act();
    const events = eventsOf(of).slice(before);
    return {
      classes: events.map(({ constructor }) => constructor),
      events: JSON.parse(JSON.stringify(events)) as unknown,
    };
  };
  /** The fields that every event has, for one of a person's own requests. */
  const common = ({ userId }: Person) => ({
    id: UUID,
    version: 1,
    occurredAt: application().clock.now(),
    userId,
    tenantId: 'public',
    sessionHandle: expect.stringMatching(/^[0-9a-f]{64}$/),
  });

  it('reports a created device', async () => {
    const person = newPerson();
    expect(await newEvents(person, () => person.create('phone'))).toEqual({
      classes: [TotpDeviceCreatedEvent],
      events: [
        {
          ...common(person),
          name: 'totp.device.created',
          deviceId: UUID,
          deviceName: 'phone',
          imported: false,
          replaced: false,
        },
      ],
    });
  });

  it('reports a device that took the place of an unverified one', async () => {
    const person = newPerson();
    await person.create('phone');
    const { events } = await newEvents(person, () => person.create('phone'));
    expect(events).toMatchObject([{ name: 'totp.device.created', deviceName: 'phone', replaced: true }]);
    const [first, second] = eventsOf(person).map((event) => 'deviceId' in event && event.deviceId);
    expect(second).not.toBe(first);
  });

  it('reports an imported device, and does not report it as verified', async () => {
    const user = { userId: randomUUID(), tenantId: 'acme' };
    const { totp } = application();
    const { events } = await newEvents(user, () => totp.importDevice({ ...user, secretKey }));
    expect(events).toEqual([
      {
        id: UUID,
        name: 'totp.device.created',
        version: 1,
        occurredAt: application().clock.now(),
        ...user,
        deviceId: UUID,
        deviceName: 'TOTP Device 0',
        imported: true,
        replaced: false,
      },
    ]);
  });

  it('reports a verified device, and not of an accepted code', async () => {
    const person = newPerson();
    const phone = await person.create('phone');
    expect(await newEvents(person, () => person.verify('phone', phone.code()))).toEqual({
      classes: [TotpDeviceVerifiedEvent],
      events: [{ ...common(person), name: 'totp.device.verified', deviceId: UUID, deviceName: 'phone' }],
    });
    expect((await newEvents(person, () => person.verify('phone', phone.code()))).events).toEqual([]);
  });

  it('reports a renamed device', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const rename = (existingDeviceName: string, newDeviceName: string) =>
      person.post('/device/rename', { existingDeviceName, newDeviceName });
    expect(await newEvents(person, () => rename('phone', 'old phone'))).toEqual({
      classes: [TotpDeviceRenamedEvent],
      events: [{ ...common(person), name: 'totp.device.renamed', deviceId: UUID, from: 'phone', to: 'old phone' }],
    });
    expect((await newEvents(person, () => rename('old phone', 'old phone'))).events).toEqual([]);
    expect((await newEvents(person, () => rename('unknown', 'phone'))).events).toEqual([]);
  });

  it('reports a removed device, and how many are left', async () => {
    const person = newPerson();
    await person.enrol('phone');
    await person.create('tablet');
    const remove = (deviceName: string) => () => person.post('/device/remove', { deviceName });
    const removed = { ...common(person), name: 'totp.device.removed', deviceId: UUID };
    expect(await newEvents(person, remove('phone'))).toEqual({
      classes: [TotpDeviceRemovedEvent],
      events: [{ ...removed, deviceName: 'phone', wasVerified: true, devicesLeft: 1 }],
    });
    expect((await newEvents(person, remove('tablet'))).events).toEqual([
      { ...removed, deviceName: 'tablet', wasVerified: false, devicesLeft: 0 },
    ]);
    expect((await newEvents(person, remove('tablet'))).events).toEqual([]);
  });

  it.each([-1, 0, 1])('reports an accepted code, and that the clock was off by %i steps', async (stepOffset) => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    wait(60);
    expect(await newEvents(person, () => person.signIn(phone.code(stepOffset)))).toEqual({
      classes: [TotpCodeAcceptedEvent],
      events: [{ ...common(person), name: 'totp.code.accepted', deviceId: UUID, deviceName: 'phone', stepOffset }],
    });
  });

  it('W7: reports a replay', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    expect(await newEvents(person, () => person.signIn(phone.code()))).toEqual({
      classes: [TotpCodeReplayedEvent],
      events: [{ ...common(person), name: 'totp.code.replayed', deviceId: UUID }],
    });
  });

  it('reports each rejected code, then of the lock, and of nothing during the lock', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const fail = () => person.signIn(person.wrongCode());
    const rejected = (failures: number, failuresLeft: number) => ({
      ...common(person),
      name: 'totp.code.rejected',
      failures,
      failuresLeft,
    });
    expect(await newEvents(person, fail)).toEqual({ classes: [TotpCodeRejectedEvent], events: [rejected(1, 4)] });
    expect((await newEvents(person, fail)).events).toEqual([rejected(2, 3)]);
    expect((await newEvents(person, fail)).events).toEqual([rejected(3, 2)]);
    expect((await newEvents(person, fail)).events).toEqual([rejected(4, 1)]);
    const until = application().clock.now() + 900_000;
    expect(await newEvents(person, fail)).toEqual({
      classes: [TotpCodeRejectedEvent, TotpUserLockedEvent],
      events: [rejected(5, 0), { ...common(person), name: 'totp.user.locked', until, lockNumber: 1, failures: 5 }],
    });
    expect((await newEvents(person, fail)).events).toEqual([]);
  });

  it('L5: reports one lock when many wrong codes come at once', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const code = person.wrongCode();
    await Promise.all(Array.from({ length: 20 }, () => person.signIn(code)));
    const told = eventsOf(person).map(({ name }) => name);
    expect(told.filter((name) => name === 'totp.code.rejected')).toHaveLength(5);
    expect(told.filter((name) => name === 'totp.user.locked')).toHaveLength(1);
  });

  it('reports a hard lock, which has no end', async () => {
    const person = newPerson();
    await person.enrol('phone');
    for (let lock = 1; lock <= 20; lock++) {
      await person.spendBudget();
      wait(86_400);
    }
    const locks = eventsOf(person).filter(({ name }) => name === 'totp.user.locked');
    expect(locks).toHaveLength(20);
    expect(locks.at(-2)).toMatchObject({ lockNumber: 19, failures: 95, until: expect.any(Number) });
    expect(locks.at(-1)).toMatchObject({ lockNumber: 20, failures: 100, until: null });
  });

  it.each(['signs in', 'enrols'])('reports the end of a lock with the first code after it that %s', async (kind) => {
    const person = newPerson();
    const phone = await (kind === 'enrols' ? person.create('phone') : person.enrol('phone'));
    await person.spendBudget();
    wait(900);
    const enter = () =>
      kind === 'enrols' ? person.verify('phone', phone.code()) : person.signedInAnew().signIn(phone.code());
    const { events } = await newEvents(person, enter);
    const first = kind === 'enrols' ? 'totp.device.verified' : 'totp.code.accepted';
    expect(events).toMatchObject([{ name: first }, { name: 'totp.user.unlocked', reason: 'expired' }]);
    wait(30);
    expect((await newEvents(person, () => person.signIn(phone.code()))).events).toMatchObject([
      { name: 'totp.code.accepted' },
    ]);
  });

  it('reports an unlock by hand', async () => {
    const person = newPerson();
    await person.enrol('phone');
    await person.spendBudget();
    const unlock = () => application().totp.unlockUser({ userId: person.userId, tenantId: 'acme' });
    expect(await newEvents(person, unlock)).toEqual({
      classes: [TotpUserUnlockedEvent],
      events: [
        {
          ...common(person),
          sessionHandle: undefined,
          tenantId: 'acme',
          name: 'totp.user.unlocked',
          reason: 'manual',
        },
      ],
    });
    expect((await newEvents(person, unlock)).events).toEqual([]);
  });

  it('names the session by a handle that is the same for its life, and does not show its id to readers of events', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    const other = person.signedInAnew();
    await other.signIn(phone.code());
    const [created, verified, replayed] = eventsOf(person).map(({ sessionHandle }) => sessionHandle);
    expect(verified).toBe(created);
    expect(replayed).not.toBe(created);
    expect(JSON.stringify(eventsOf(person))).not.toContain(person.session);
  });

  it('names the tenant of the session', async () => {
    const person = newPerson();
    await person.send('/device', { method: 'POST', headers: { 'x-tenant': 'acme' } });
    expect(eventsOf(person)).toMatchObject([{ tenantId: 'acme' }]);
  });

  it('gives every event an id of its own', async () => {
    const person = newPerson();
    await person.enrol('phone');
    await person.spendBudget();
    const ids = application().events.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('reports nothing when nothing changed', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const { events } = await newEvents(person, async () => {
      await person.list();
      await person.post('/device', { deviceName: 'phone' });
      await person.post('/verify', {});
      await person.verify('unknown', '000000');
      await person.signedInAnew().post('/device', {});
      await application().totp.getStatus(person);
    });
    expect(events).toEqual([]);
  });
});

describe.each(everyDatabase)('$name: what comes out', ({ platform, open }) => {
  const output: unknown[] = [];
  const logger: LoggerService = Object.fromEntries(
    (['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const).map((level) => [
      level,
      (...entries: unknown[]) => output.push([level, ...entries]),
    ]),
  ) as unknown as LoggerService;
  const application = useApplication({
    platform,
    open,
    configure: (app) => {
      app.useLogger(logger);
    },
  });

  it('S4: never contains a secret, a code, a key URI or a QR code, but for the one answer that shows them', async () => {
    const { clock, events, totp } = application();
    const person = new Person(application());
    const said: unknown[] = [];
    const say = async (answer: Promise<unknown>) => said.push(await answer);

    const phone = await person.create('phone');
    const codes = [phone.code(), phone.code(1), phone.code(2), person.wrongCode()];
    await say(person.verify('phone', codes[3] ?? ''));
    await say(person.verify('phone', phone.code()));
    await say(person.verify('phone', phone.code()));
    await say(person.signIn(phone.code()));
    await say(person.signIn(phone.code(1)));
    await say(person.signIn(phone.code(1)));
    await say(person.post('/device', { deviceName: 'phone' }));
    await say(person.list());
    await say(person.post('/device/rename', { existingDeviceName: 'phone', newDeviceName: 'old' }));
    await say(totp.importDevice({ userId: person.userId, secretKey }));
    await say(totp.importDevice({ userId: person.userId, secretKey: phone.secret.slice(0, 8) }).catch(String));
    for (let n = 0; n < 6; n++) await say(person.signIn(codes[3] ?? ''));
    await say(totp.getStatus(person));
    await say(totp.unlockUser(person));
    await say(person.post('/device/remove', { deviceName: 'old' }));
    await say(
      person.send('/verify', {
        method: 'POST',
        body: `{"totp":"${codes[1] ?? ''}`,
        headers: { 'content-type': 'application/json' },
      }),
    );
    await say(totp.verifyTOTP({ userId: '', totp: codes[1] ?? '' }).catch((error: unknown) => error));
    clock.advance(30);

    const everything = inspect([said, output, events.events], {
      depth: Infinity,
      showHidden: true,
      breakLength: Infinity,
    });
    const bytes = Buffer.from(phone.secret);
    for (const secret of [
      phone.secret,
      secretKey,
      phone.secret.slice(0, 8),
      bytes.toString('base64'),
      'otpauth:',
      'data:image',
    ]) {
      expect(everything).not.toContain(secret);
    }
    for (const code of codes) expect(everything).not.toMatch(new RegExp(`(?<!\\w)${code}(?!\\w)`));
    expect(events.events.length).toBeGreaterThan(10);
  });
});

describe('an event', () => {
  const store = new InMemoryTotpAccountStore();
  const application = useApplication({ options: { providers: [{ provide: TotpAccountStore, useValue: store }] } });
  const enrolled = async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    application().clock.advance(30);
    application().events.clear();
    return () => person.signIn(phone.code());
  };
  afterEach(() => jest.restoreAllMocks());

  it('is told only after the change is committed', async () => {
    const signIn = await enrolled();
    const commit = store.commit.bind(store);
    const toldDuringCommit: unknown[] = [];
    jest.spyOn(store, 'commit').mockImplementationOnce(async (...change) => {
      const committed = await commit(...change);
      toldDuringCommit.push(...application().events.events);
      return committed;
    });
    expect(await signIn()).toEqual(answered({ status: 'OK' }));
    expect(toldDuringCommit).toEqual([]);
    expect(application().events.events).toMatchObject([{ name: 'totp.code.accepted' }]);
  });

  it('is told once when others were first a few times', async () => {
    const signIn = await enrolled();
    const lost = () => Promise.resolve(false);
    jest.spyOn(store, 'commit').mockImplementationOnce(lost).mockImplementationOnce(lost).mockImplementationOnce(lost);
    expect(await signIn()).toEqual(answered({ status: 'OK' }));
    expect(application().events.events).toMatchObject([{ name: 'totp.code.accepted' }]);
  });

  it('is not told when the change could not be committed', async () => {
    const signIn = await enrolled();
    jest.spyOn(store, 'commit').mockRejectedValueOnce(new Error('The disk is full.'));
    expect(await signIn()).toMatchObject({ status: 500 });
    expect(application().events.events).toEqual([]);
  });
});
