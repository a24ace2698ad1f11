/** Who must have a second factor (contract §10): the option, the policy and the decorator. */
import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import {
  type EnrolmentPolicyInput,
  type EnrolmentRequirement,
  RequireTotp,
  TotpEnrolmentPolicy,
  TotpGuard,
} from 'nestjs-totp';
import { HeaderSignIn, platforms } from '../support/application.js';
import { answered, Person, refused, send, useApplication } from '../support/client.js';

const DEADLINE = Date.UTC(2040, 2, 1);
const passed = answered({ passed: true });
const setUpFirst = refused(403, {
  message: 'invalid claim',
  errorCode: 'TOTP_DEVICE_REQUIRED',
  claimValidationErrors: [
    { id: 'st-mfa', reason: { message: 'Set up an authenticator app first.', factorId: 'totp' } },
  ],
});
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });

@Controller()
@UseGuards(HeaderSignIn, TotpGuard)
class Routes {
  @Get('page')
  page(): object {
    return { passed: true };
  }

  @Get('strict')
  @RequireTotp({ enrolment: 'required' })
  strict(): object {
    return { passed: true };
  }
}

@Module({ controllers: [Routes] })
class RoutesModule {}

/** Administrators must, others from a deadline on; and what a mistake in JavaScript would answer. */
@Injectable()
class Policy extends TotpEnrolmentPolicy {
  static readonly asked: Omit<EnrolmentPolicyInput, 'context'>[] = [];

  override requirement({ userId, tenantId, context }: EnrolmentPolicyInput): EnrolmentRequirement {
    expect(context?.getHandler().name).toMatch(/page|strict/);
    Policy.asked.push({ userId, tenantId });
    if (userId.startsWith('mistake')) return JSON.parse(userId.slice('mistake '.length)) as EnrolmentRequirement;
    return userId.startsWith('admin') ? 'required' : { requiredFrom: DEADLINE };
  }
}

describe.each(platforms)('a policy on %s', (platform) => {
  const application = useApplication({
    platform,
    imports: [RoutesModule],
    options: { providers: [{ provide: TotpEnrolmentPolicy, useClass: Policy }] },
  });
  const get = (route: string, { headers }: Person) => send(application().url + route, { headers });
  const person = (userId: string) => new Person(application(), { userId });

  it('requires a device of those whom it names, and is told the user and the tenant', async () => {
    const admin = person(`admin ${platform}`);
    expect(await get('/page', admin)).toEqual(setUpFirst);
    expect(Policy.asked).toContainEqual({ userId: admin.userId, tenantId: 'public' });
    await admin.enrol();
    expect(await get('/page', admin)).toEqual(passed);
  });

  it('requires a device from a time on', async () => {
    const user = person(`user ${platform}`);
    application().clock.set(DEADLINE - 1);
    expect(await get('/page', user)).toEqual(passed);
    application().clock.set(DEADLINE);
    expect(await get('/page', user)).toEqual(setUpFirst);
  });

  it('is not asked where the route says that a device is required', async () => {
    application().clock.set(DEADLINE - 1);
    expect(await get('/strict', person(`other ${platform}`))).toEqual(setUpFirst);
  });

  it.each(['null', 'true', '"Required"', '{}', '{"requiredFrom":"soon"}', '{"requiredFrom":null}'])(
    'that answers %s lets nobody pass',
    async (answer) => {
      expect(await get('/page', person(`mistake ${answer}`))).toEqual(serverError);
    },
  );
});

describe.each([
  ['optional', passed],
  ['required', setUpFirst],
] as const)('the option enrolment: %j', (enrolment, expected) => {
  const application = useApplication({ imports: [RoutesModule], options: { enrolment } });

  it('is the policy of an application without one', async () => {
    const { headers } = new Person(application());
    expect(await send(`${application().url}/page`, { headers })).toEqual(expected);
  });

  it('gives way to the decorator', async () => {
    const { headers } = new Person(application());
    expect(await send(`${application().url}/strict`, { headers })).toEqual(setUpFirst);
  });
});
