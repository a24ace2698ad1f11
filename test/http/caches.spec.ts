/** No cache keeps an answer of the module: neither a browser's or proxy's, nor Nest's own. */
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { platforms } from '../support/application.js';
import { Person, send, useApplication } from '../support/client.js';

let calls = 0;

/** Shows that the interceptor is at work. */
@Controller('cached')
class Cached {
  @Get()
  get(): object {
    return { calls: ++calls };
  }
}

@Module({
  imports: [CacheModule.register()],
  controllers: [Cached],
  providers: [{ provide: APP_INTERCEPTOR, useClass: CacheInterceptor }],
})
class CachingModule {}

describe.each(platforms)('behind a global CacheInterceptor on %s', (platform) => {
  const application = useApplication({ platform, imports: [CachingModule] });

  it('everybody is shown their own devices, as they are now', async () => {
    const [ann, bob] = [new Person(application()), new Person(application())];
    await ann.create('phone');
    expect((await ann.list()).body).toMatchObject({ devices: [{ name: 'phone' }] });
    expect((await bob.list()).body).toEqual({ status: 'OK', devices: [] });
    await ann.create('tablet');
    expect((await ann.list()).body).toMatchObject({ devices: [{ name: 'phone' }, { name: 'tablet' }] });
  });

  it("a route of the application's own is cached", async () => {
    const first = (await send(`${application().url}/cached`, {})).body;
    expect((await send(`${application().url}/cached`, {})).body).toEqual(first);
  });
});

describe.each(platforms)('on %s', (platform) => {
  const application = useApplication({ platform });
  const noStore = 'no-store';

  it('every answer of every route says Cache-Control: no-store, refusals too', async () => {
    const person = new Person(application());
    const phone = await person.enrol('phone');
    const answers = {
      create: await person.post('/device', { deviceName: 'tablet' }),
      list: await person.list(),
      rename: await person.post('/device/rename', { existingDeviceName: 'tablet', newDeviceName: 'pad' }),
      remove: await person.post('/device/remove', { deviceName: 'pad' }),
      verifyDevice: await person.verify('phone', phone.code()),
      verify: await person.signIn(phone.code(1)),
      badRequest: await person.post('/verify', {}),
      forbidden: await person.signedInAnew().post('/device', {}),
      unauthorised: await send(`${application().url}/totp/device/list`, {}),
    };
    expect(Object.values(answers).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 400, 403, 401]);
    for (const { headers } of Object.values(answers)) expect(headers.get('cache-control')).toBe(noStore);
  });
});
