/** `TotpGuard` and `@RequireTotp` on routes of the application's own (contract §4). */
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RequireTotp, TotpGuard } from 'nestjs-totp';
import { HeaderSignIn, platforms } from '../support/application.js';
import {
  type Answer,
  answered,
  invalidClaim,
  Person,
  refused,
  send,
  unauthorised,
  useApplication,
} from '../support/client.js';

@Controller('routes')
@UseGuards(HeaderSignIn, TotpGuard)
class Routes {
  @Get('any-age')
  anyAge(): object {
    return { passed: true };
  }

  @Get('five-minutes')
  @RequireTotp({ maxAge: 300 })
  fiveMinutes(): object {
    return { passed: true };
  }
}

@Controller('strict-routes')
@UseGuards(HeaderSignIn, TotpGuard)
@RequireTotp({ maxAge: 60 })
class StrictRoutes {
  @Get('one-minute')
  oneMinute(): object {
    return { passed: true };
  }

  @Get('any-age')
  @RequireTotp()
  anyAge(): object {
    return { passed: true };
  }
}

/** Imports nothing of the module: it is global. */
@Module({ controllers: [Routes, StrictRoutes] })
class RoutesModule {}

const passed = answered({ passed: true });
const mustEnrol = refused(403, {
  message: 'invalid claim',
  errorCode: 'TOTP_DEVICE_REQUIRED',
  claimValidationErrors: [
    { id: 'st-mfa', reason: { message: 'Set up an authenticator app first.', factorId: 'totp' } },
  ],
});
const all = ['/routes/any-age', '/routes/five-minutes', '/strict-routes/one-minute', '/strict-routes/any-age'];

const modes = platforms.flatMap((platform) =>
  (['optional', 'required'] as const).map((enrolment) => ({ platform, enrolment })),
);

describe.each(modes)('on $platform, where a device is $enrolment', ({ platform, enrolment }) => {
  const application = useApplication({ platform, options: { enrolment }, imports: [RoutesModule] });
  const newPerson = () => new Person(application());
  const get = (route: string, { headers }: { headers: Record<string, string> }): Promise<Answer> =>
    send(application().url + route, { headers });
  const wait = (seconds: number) => {
    application().clock.advance(seconds);
  };

  it('answers 401 without a signed-in user', async () => {
    for (const route of all) expect(await get(route, { headers: {} })).toEqual(unauthorised);
  });

  it(`lets users without a device ${enrolment === 'optional' ? 'pass' : 'set one up first'}`, async () => {
    const person = newPerson();
    for (const route of all) expect(await get(route, person)).toEqual(enrolment === 'optional' ? passed : mustEnrol);
  });

  it('takes an unverified device for none', async () => {
    const person = newPerson();
    await person.create('phone');
    for (const route of all) expect(await get(route, person)).toEqual(enrolment === 'optional' ? passed : mustEnrol);
  });

  it('asks users with a verified device for a code, in each session', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    const again = person.signedInAnew();
    for (const route of all) expect(await get(route, again)).toEqual(invalidClaim);
    await again.signIn(again.wrongCode());
    await again.signIn(phone.code());
    for (const route of all) expect(await get(route, again)).toEqual(invalidClaim);
    expect(await again.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    for (const route of all) expect(await get(route, again)).toEqual(passed);
  });

  it('lets the session pass that enrolled the device', async () => {
    const person = newPerson();
    await person.enrol('phone');
    for (const route of all) expect(await get(route, person)).toEqual(passed);
  });

  it('asks for a new code where the last one is too long ago', async () => {
    const person = newPerson();
    const phone = await person.enrol('phone');
    wait(60);
    expect(await get('/strict-routes/one-minute', person)).toEqual(passed);
    wait(0.001);
    expect(await get('/strict-routes/one-minute', person)).toEqual(invalidClaim);
    expect(await get('/routes/five-minutes', person)).toEqual(passed);
    wait(240);
    expect(await get('/routes/five-minutes', person)).toEqual(invalidClaim);
    wait(365 * 86_400);
    expect(await get('/routes/any-age', person)).toEqual(passed);
    expect(await get('/strict-routes/any-age', person)).toEqual(passed);
    await person.signIn(phone.code());
    for (const route of all) expect(await get(route, person)).toEqual(passed);
  });

  it('asks for nothing more than the session says once the last device is removed', async () => {
    const person = newPerson();
    await person.enrol('phone');
    await person.post('/device/remove', { deviceName: 'phone' });
    const again = person.signedInAnew();
    expect(await get('/routes/any-age', again)).toEqual(enrolment === 'optional' ? passed : mustEnrol);
  });

  it('refuses a session that another user completed', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const thief = newPerson();
    await thief.enrol('phone');
    const taken = new Person(application(), { userId: person.userId, session: thief.session });
    for (const route of all) expect(await get(route, taken)).toEqual(invalidClaim);
  });

  it('does not block what a completed session may do', async () => {
    const person = newPerson();
    await person.enrol('phone');
    const thief = person.signedInAnew();
    await thief.spendBudget();
    expect(await get('/routes/any-age', person)).toEqual(passed);
  });
});

@Controller('everything')
class Everything {
  @Get()
  get(): object {
    return { passed: true };
  }
}

@Module({
  controllers: [Everything],
  providers: [
    { provide: APP_GUARD, useClass: HeaderSignIn },
    { provide: APP_GUARD, useExisting: TotpGuard },
  ],
})
class GuardedModule {}

describe.each(platforms)('as a guard of the whole application, on %s', (platform) => {
  const options = { enrolment: 'required', guards: [] } as const;
  const application = useApplication({ platform, options, imports: [GuardedModule] });

  it("leaves the module's own routes open to enter a code or set a device up", async () => {
    const person = new Person(application());
    const everything = ({ headers }: Person) => send(`${application().url}/everything`, { headers });
    expect(await everything(person)).toEqual(mustEnrol);
    const phone = await person.enrol('phone');
    expect(await everything(person)).toEqual(passed);
    const again = person.signedInAnew();
    expect(await everything(again)).toEqual(invalidClaim);
    expect(await again.signIn(phone.code(1))).toEqual(answered({ status: 'OK' }));
    expect(await everything(again)).toEqual(passed);
    expect(await send(`${application().url}/totp/device/list`, {})).toEqual(unauthorised);
  });
});
