/** The steps of `TotpGuard`, which subclasses override one by one; no override lets anybody pass by accident. */
import {
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Logger,
  Module,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { jest } from '@jest/globals';
import { RequireTotp, TotpClock, TotpGuard, type TotpRefusal, type TotpSession, WithoutTotp } from 'nestjs-totp';
import { HeaderSignIn } from '../support/application.js';
import { answered, invalidClaim, Person, refused, send, unauthorised, useApplication } from '../support/client.js';

const passed = answered({ passed: true });
const serverError = refused(500, { statusCode: 500, message: 'Internal server error' });

@Injectable()
class DeviceForAdmins extends TotpGuard {
  protected override requiresEnrolment(_context: ExecutionContext, session: TotpSession): boolean {
    return session.userId.startsWith('admin');
  }
}

@Injectable()
class SkipsHealthChecks extends TotpGuard {
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<{ headers: object }>();
    return 'x-health' in headers || super.shouldSkip(context);
  }
}

@Injectable()
class FiveMinutes extends TotpGuard {
  protected override getMaxAge(): '5m' {
    return '5m';
  }
}

@Injectable()
class OwnWords extends TotpGuard {
  protected override refuse(_context: ExecutionContext, reason: TotpRefusal): void {
    if (reason !== 'no-session') return;
    throw new Error(`refused at ${String(this.clock instanceof TotpClock)}`);
  }
}

/** As a mistake in JavaScript would have it. */
function returning(maxAge: unknown): Type<TotpGuard> {
  @Injectable()
  class Mistaken extends TotpGuard {}
  Object.assign(Mistaken.prototype, { getMaxAge: () => maxAge });
  return Mistaken;
}

function routesOf(path: string, guard: Type<TotpGuard>): Type<object> {
  @Controller(path)
  @UseGuards(HeaderSignIn, guard)
  class Routes {
    @Get()
    get(): object {
      return { passed: true };
    }
  }
  return Routes;
}

@Controller('exempt')
@UseGuards(HeaderSignIn, TotpGuard)
@WithoutTotp()
class Exempt {
  @Get()
  get(): object {
    return { passed: true };
  }

  @Get('strict')
  @RequireTotp({ maxAge: '1m' })
  strict(): object {
    return { passed: true };
  }
}

@Controller('unmarked')
class Unmarked {
  @Get()
  get(): object {
    return { passed: true };
  }
}

const mistakes = [undefined, null, NaN, -1, 0, '5 minutes', new Date(0), {}];

@Module({
  controllers: [
    Exempt,
    routesOf('admins', DeviceForAdmins),
    routesOf('health', SkipsHealthChecks),
    routesOf('five-minutes', FiveMinutes),
    routesOf('own-words', OwnWords),
    ...mistakes.map((mistake, n) => routesOf(`mistake/${String(n)}`, returning(mistake))),
  ],
})
class RoutesModule {}

describe('a subclass of TotpGuard', () => {
  const application = useApplication({ imports: [RoutesModule] });
  const get = (route: string, headers: Record<string, string>) => send(application().url + route, { headers });

  it('says who must have a device', async () => {
    expect(await get('/admins', new Person(application()).headers)).toEqual(passed);
    expect((await get('/admins', new Person(application(), { userId: 'admin' }).headers)).status).toBe(403);
  });

  it('says which requests pass unchecked', async () => {
    expect(await get('/health', {})).toEqual(unauthorised);
    expect(await get('/health', { 'x-health': '1' })).toEqual(passed);
  });

  it('says how old a code may be', async () => {
    const person = new Person(application());
    await person.enrol();
    application().clock.advance(300);
    expect(await get('/five-minutes', person.headers)).toEqual(passed);
    application().clock.advance(0.001);
    expect(await get('/five-minutes', person.headers)).toEqual(invalidClaim);
  });

  it('whose refuse() does not throw lets no request pass', async () => {
    const person = new Person(application());
    await person.enrol();
    expect(await get('/own-words', person.headers)).toEqual(passed);
    expect((await get('/own-words', person.signedInAnew().headers)).status).toBe(403);
    expect(await get('/own-words', {})).toEqual(serverError);
  });

  it.each(mistakes.map((mistake, n) => [mistake, n] as const))(
    'whose getMaxAge() returns %p lets no request pass, however fresh the code',
    async (_, n) => {
      const person = new Person(application());
      await person.enrol();
      expect(await get(`/mistake/${String(n)}`, person.headers)).toEqual(serverError);
    },
  );
});

@Module({
  controllers: [Exempt, Unmarked],
  providers: [
    { provide: APP_GUARD, useExisting: TotpGuard },
    { provide: APP_GUARD, useClass: HeaderSignIn },
  ],
})
class WrongOrderModule {}

describe('a global TotpGuard before the sign-in guard', () => {
  const application = useApplication({ imports: [WrongOrderModule] });
  afterEach(() => jest.restoreAllMocks());

  it('answers 401, and the log says once which order to write', async () => {
    const warnings: string[] = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => warnings.push(String(message)));
    const headers = { ...new Person(application()).headers, authorization: 'Bearer a valid token' };
    for (let n = 0; n < 3; n++) expect(await send(`${application().url}/unmarked`, { headers })).toEqual(unauthorised);
    expect(warnings).toEqual([expect.stringContaining('your sign-in guard runs too late or not at all')]);
  });
});

describe('TotpGuard', () => {
  const application = useApplication({ imports: [RoutesModule] });
  const get = (route: string, { headers }: Person) => send(application().url + route, { headers });

  it("obeys a route's @RequireTotp in a controller that is exempt", async () => {
    const person = new Person(application());
    await person.enrol();
    const again = person.signedInAnew();
    expect(await get('/exempt', again)).toEqual(passed);
    expect(await get('/exempt/strict', again)).toEqual(invalidClaim);
    expect(await get('/exempt/strict', person)).toEqual(passed);
  });

  it('takes a completion that a clock far ahead has left for none', async () => {
    const person = new Person(application());
    application().clock.advance(86_400);
    await person.enrol();
    application().clock.advance(-86_400);
    expect(await get('/exempt/strict', person)).toEqual(invalidClaim);
  });
});
