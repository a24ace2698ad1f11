/** The key URI that an authenticator app scans: any issuer and account parse back to the same text (contract §2). */
import { randomUUID } from 'node:crypto';
import { TotpUserDirectory } from 'nestjs-totp';
import { answered, Person, unauthorised, useApplication } from '../support/client.js';

const texts = [
  'Acme',
  'Acme & Söhne',
  '#1 Shop?',
  '100 % + more',
  'a/b\\c',
  '"<Acme>"',
  'アクメ 🔐',
  'A%20B',
  "O'Neill=x;y",
];

describe.each(texts)('the key URI of the issuer %s', (issuer) => {
  const application = useApplication({ options: { issuer } });
  const uriFor = async (account?: string) => {
    const label = account === undefined ? {} : { userIdentifierInfo: account };
    const made = await application().totp.createDevice({ userId: randomUUID(), ...label, onBehalfOf: 'application' });
    expect(made).toMatchObject({ status: 'OK' });
    return made.status === 'OK' ? made : { secret: '', qrCodeString: '' };
  };

  it.each(['ann@example.com', 'ann+totp@example.com', ...texts])('U1: names the account %s', async (account) => {
    const { qrCodeString, secret } = await uriFor(account);
    const uri = new URL(qrCodeString);
    expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
    expect(decodeURIComponent(uri.pathname)).toBe(`/${issuer}:${account}`);
    expect(uri.hash).toBe('');
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      secret,
      issuer,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(qrCodeString).not.toContain('+');
  });

  it('has the issuer alone as its label without an account', async () => {
    const { qrCodeString } = await uriFor();
    expect(decodeURIComponent(new URL(qrCodeString).pathname)).toBe(`/${issuer}`);
  });

  it('replaces what divides issuer and account', async () => {
    const { qrCodeString } = await uriFor('ann:x@example.com');
    expect(decodeURIComponent(new URL(qrCodeString).pathname)).toBe(`/${issuer}:ann-x@example.com`);
  });
});

class Directory extends TotpUserDirectory {
  override getUserIdentifierInfo({ userId }: { userId: string }) {
    if (userId.startsWith('stranger')) return Promise.resolve({ status: 'UNKNOWN_USER_ID_ERROR' as const });
    if (userId.startsWith('nameless')) {
      return Promise.resolve({ status: 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR' as const });
    }
    return Promise.resolve({ status: 'OK' as const, info: `${userId.slice(0, 3)}@example.com` });
  }
}

describe('the account in the key URI', () => {
  const application = useApplication({
    options: {
      issuer: 'Acme:Shop',
      algorithm: 'SHA512',
      digits: 8,
      defaultPeriod: 60,
      defaultSkew: 2,
      providers: [{ provide: TotpUserDirectory, useClass: Directory }],
    },
  });
  const labelOf = async (userId: string) => {
    const { keyUri } = await new Person(application(), { userId: userId + randomUUID() }).create();
    return decodeURIComponent(new URL(keyUri).pathname);
  };

  it('is what the user directory tells', async () => {
    expect(await labelOf('ann')).toBe('/Acme-Shop:ann@example.com');
  });

  it('is left out when the user directory knows none', async () => {
    expect(await labelOf('nameless')).toBe('/Acme-Shop');
  });

  it('refuses a session whose user is gone as unauthorised', async () => {
    const stranger = new Person(application(), { userId: 'stranger' });
    expect(await stranger.post('/device', {})).toEqual(unauthorised);
    expect(await stranger.list()).toEqual(answered({ status: 'OK', devices: [] }));
  });

  it('comes with the settings that the application chose', async () => {
    const person = new Person(application());
    const { keyUri, deviceName } = await person.create();
    const { searchParams } = new URL(keyUri);
    expect([...searchParams.entries()]).toEqual(
      expect.arrayContaining([
        ['algorithm', 'SHA512'],
        ['digits', '8'],
        ['period', '60'],
      ]),
    );
    expect((await person.list()).body).toMatchObject({
      status: 'OK',
      devices: [{ name: deviceName, period: 60, skew: 2, verified: false }],
    });
  });
});
