/** A creation that is sent twice, with the header `Idempotency-Key`, on every database. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import { type Answer, answered, badRequest, everyDatabase, Person, useApplication } from '../support/client.js';

describe.each(everyDatabase)('a creation that is sent twice, on $name', ({ platform, open }) => {
  const application = useApplication({ platform, open });
  const create = (person: Person, key: string, body: object = {}): Promise<Answer> =>
    person.send('/device', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
    });
  const createdOf = ({ userId }: Person) =>
    application()
      .events.named('totp.device.created')
      .filter((event) => event.userId === userId);

  it('returns the same device, which works, and is one event', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    const first = await create(ann, key);
    expect(first).toMatchObject({ status: 200, body: { status: 'OK', deviceName: 'TOTP Device 0' } });
    expect((await create(ann, key)).body).toEqual(first.body);
    expect(createdOf(ann)).toHaveLength(1);
    const { deviceId } = createdOf(ann)[0] ?? {};
    expect(deviceId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('returns the same device to requests at the same time', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(ann, key)));
    const secrets = answers.map(({ body }) => (body as { secret?: string }).secret);
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toMatch(/^[A-Z2-7]{32}$/);
    expect(createdOf(ann)).toHaveLength(1);
  });

  it('shows the secret to no other session of the user, which gets a device of its own', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    const { secret } = (await create(ann, key)).body as { secret: string };
    expect((await create(ann.signedInAnew(), key)).body).toEqual({
      status: 'OK',
      deviceName: 'TOTP Device 0',
      replaced: true,
      secret: expect.not.stringContaining(secret),
      qrCodeString: expect.not.stringContaining(secret),
      qrCodeImage: expect.any(String),
    });
  });

  it('is another device for another key and for another user', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    await create(ann, key);
    expect((await create(ann, randomUUID())).body).toMatchObject({ status: 'OK', replaced: true });
    const bob = (await create(new Person(application()), key)).body;
    expect(bob).toMatchObject({ status: 'OK' });
    expect(bob).not.toHaveProperty('replaced');
  });

  it('shows no secret of a device that is verified', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    const { qrCodeString } = (await create(ann, key, { deviceName: 'phone' })).body as { qrCodeString: string };
    const code = totpCode(qrCodeString, application().clock.now());
    expect(await ann.verify('phone', code)).toEqual(answered({ status: 'OK', wasAlreadyVerified: false }));
    const refused = answered({ status: 'DEVICE_ALREADY_EXISTS_ERROR' });
    expect(await create(ann, key, { deviceName: 'phone' })).toEqual(refused);
    expect(await create(ann, key)).toEqual(refused);
  });

  it('is refused under another name', async () => {
    const ann = new Person(application());
    const key = randomUUID();
    await create(ann, key, { deviceName: 'phone' });
    expect(await create(ann, key, { deviceName: 'tablet' })).toEqual(
      answered({ status: 'DEVICE_ALREADY_EXISTS_ERROR' }),
    );
  });

  it('refuses a key that is too long', async () => {
    expect(await create(new Person(application()), 'k'.repeat(256))).toEqual(
      badRequest('the header Idempotency-Key must not be longer than 255 characters'),
    );
  });

  it('knows calls of the application by their key too', async () => {
    const { totp } = application();
    const input = { userId: randomUUID(), onBehalfOf: 'application', idempotencyKey: 'form 1' } as const;
    const first = await totp.createDevice(input);
    expect(await totp.createDevice(input)).toEqual(first);
    expect(await totp.createDevice({ ...input, idempotencyKey: 'form 2' })).toMatchObject({ replaced: true });
  });
});
