import { readSettings } from '../../example/settings.js';
import { Client } from './client.js';
import { startKeepsake } from './keepsake.js';

describe("the example's settings", () => {
  it('listen on localhost only, unless told otherwise', () => {
    expect(readSettings({})).toEqual({ port: 3000, host: 'localhost', trustProxy: undefined });
    expect(readSettings({ EXAMPLE_HOST: '0.0.0.0', PORT: '8080' })).toMatchObject({ host: '0.0.0.0', port: 8080 });
  });

  it.each(['abc', '-1', '65536', '3000.5', '0x10', ' '])(
    'refuse the port “%s” in one line that says what to write',
    (PORT) => {
      expect(() => readSettings({ PORT })).toThrow(
        /^PORT is “.*”, which is not a port\. Write .* PORT=3000 npm start$/,
      );
    },
  );

  it.each(['true', '0', 'everything', '1;2'])('refuse the trusted proxy “%s”', (EXAMPLE_TRUST_PROXY) => {
    expect(() => readSettings({ EXAMPLE_TRUST_PROXY })).toThrow(/^EXAMPLE_TRUST_PROXY is “/);
  });

  it('take the number of proxies, or their addresses', () => {
    expect(readSettings({ EXAMPLE_TRUST_PROXY: '1' }).trustProxy).toBe(1);
    expect(readSettings({ EXAMPLE_TRUST_PROXY: '10.0.0.0/8,::1' }).trustProxy).toBe('10.0.0.0/8,::1');
  });

  it.each([
    ['are Secure behind a trusted proxy that ends TLS', 1, true],
    ['do not believe a proxy that is not trusted', undefined, false],
  ])('make cookies that %s', async (_, trustProxy, secure) => {
    const keepsake = await startKeepsake(trustProxy === undefined ? {} : { trustProxy });
    const ada = await Client.register(keepsake);
    const password = { email: ada.email, password: 'correct horse battery' };
    const answer = await ada.send('/sign-in', password, { 'x-forwarded-proto': 'https' });
    expect((answer.headers.get('set-cookie') ?? '').includes('; Secure')).toBe(secure);
    await keepsake.stop();
  });
});
