import fc from 'fast-check';
import { keyUri } from './key-uri.js';

const parts = { issuer: 'Acme', secret: 'JBSWY3DPEHPK3PXP', algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** Reads a key URI as an authenticator app does. */
function read(uri: string) {
  const { protocol, host, pathname, searchParams, hash } = new URL(uri);
  const label = pathname.slice(1).split(':').map(decodeURIComponent);
  return { protocol, host, label, parameters: Object.fromEntries(searchParams), hash };
}

/** What a key URI can represent of a string: no unpaired surrogates, and no `:`, which separates the parts of the label. */
function tellable(text: string): string {
  return text.toWellFormed().replaceAll(':', '-');
}

describe('a key URI', () => {
  it('is written as the format has it', () => {
    expect(keyUri({ ...parts, account: 'ann@example.com' })).toBe(
      'otpauth://totp/Acme:ann%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Acme&algorithm=SHA1&digits=6&period=30',
    );
  });

  it.each([undefined, ''])('without an account (%j) is labelled with the issuer alone', (account) => {
    expect(read(keyUri({ ...parts, account })).label).toEqual(['Acme']);
  });

  it('tells the settings', () => {
    const uri = keyUri({ ...parts, algorithm: 'SHA512', digits: 8, period: 60 });
    expect(read(uri).parameters).toEqual({
      secret: parts.secret,
      issuer: 'Acme',
      algorithm: 'SHA512',
      digits: '8',
      period: '60',
    });
  });

  it('U1: writes spaces as %20', () => {
    const uri = keyUri({ ...parts, issuer: 'Acme & Sons', account: 'Ann Smith' });
    expect(uri).toContain('/Acme%20%26%20Sons:Ann%20Smith?');
    expect(uri).toContain('issuer=Acme%20%26%20Sons&');
  });

  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({
      unit: fc.constantFrom(...Array.from(':#?&/%+=@ \\"<>'), 'ä', 'a\u0308', '📱', '\uD83D', '\uDC68', '\0', '\n'),
    }),
  );
  // A URL parser takes a label of one or two dots for a step in a path, however it is written.
  const issuer = text.filter((one) => one !== '' && !/^\.{1,2}$/.test(one));

  it('U1: is read back by the platform to the issuer and account that it was made of, whatever these are', () => {
    fc.assert(
      fc.property(issuer, text, (issuer, account) => {
        const uri = keyUri({ ...parts, issuer, account });
        expect(uri).toMatch(/^[!-~]+$/);
        expect(uri).not.toContain('+');
        expect(read(uri)).toEqual({
          protocol: 'otpauth:',
          host: 'totp',
          label: account === '' ? [tellable(issuer)] : [tellable(issuer), tellable(account)],
          parameters: {
            secret: parts.secret,
            issuer: tellable(issuer),
            algorithm: 'SHA1',
            digits: '6',
            period: '30',
          },
          hash: '',
        });
      }),
      { numRuns: 1_000 },
    );
  });
});
