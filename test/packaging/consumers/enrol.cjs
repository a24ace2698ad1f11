/**
 * What every consumer does, however it loaded the packages: run the migrations, enrol a device and sign in, over HTTP.
 *
 * A bundle has no folder in which Nest and TypeORM could look for their adapter and driver, so it passes both.
 */
const assert = require('node:assert/strict');

module.exports = async function enrol({ adapter, driver, common, core, nestTypeorm, eventEmitter, totp, testing }) {
  class AppModule {}
  common.Module({
    imports: [
      nestTypeorm.TypeOrmModule.forRoot({
        type: 'better-sqlite3',
        ...(driver ? { driver } : {}),
        database: ':memory:',
        entities: [...totp.TOTP_ENTITIES],
        migrations: totp.TOTP_MIGRATIONS,
        migrationsRun: true,
        retryAttempts: 0,
      }),
      eventEmitter.EventEmitterModule.forRoot(),
      totp.TotpModule.forRoot({ issuer: 'Consumer', secrets: 'plain-text' }),
    ],
  })(AppModule);

  const app = await core.NestFactory.create(AppModule, ...(adapter ? [adapter] : []), { logger: ['error'] });
  const session = { id: 'session-1' };
  app.use((request, _response, next) => {
    Object.assign(request, { user: { id: 'alice' }, session });
    next();
  });
  try {
    await app.listen(0, '127.0.0.1');
    const post = async (path, body) => {
      const response = await fetch(`http://127.0.0.1:${app.getHttpServer().address().port}/totp/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { http: response.status, ...(await response.json()) };
    };

    const device = await post('device', { deviceName: 'phone' });
    assert.equal(device.status, 'OK');
    const code = testing.totpCode(device.secret, Date.now());
    assert.deepEqual(await post('device/verify', { deviceName: 'phone', totp: code }), {
      http: 200,
      status: 'OK',
      wasAlreadyVerified: false,
    });
    assert.equal((await post('verify', { totp: code })).status, 'INVALID_TOTP_ERROR');
    // The enrolment code is used up; the next one is already in the window.
    const next = testing.totpCode(device.secret, Date.now() + 30_000);
    assert.deepEqual(await post('verify', { totp: next }), { http: 200, status: 'OK' });
  } finally {
    await app.close();
  }
};
