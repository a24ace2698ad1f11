import { SuperTokensSignOut } from '../supertokens/sign-out.js';
import { readExtras } from './check-options.js';
import { checkSuperTokens, totpPaths } from './super-tokens.js';

class EndSession extends SuperTokensSignOut {
  override signOut(): void {
    // Nothing to end.
  }
}
const providers = [{ provide: SuperTokensSignOut, useClass: EndSession }];
const paths = (path: string, tenantPaths: boolean) =>
  totpPaths(readExtras({ path, superTokens: { tenantPaths }, providers }));

describe('the option superTokens', () => {
  it.each([
    [
      'a path that the front ends do not call',
      { superTokens: {}, providers, path: 'auth/mfa' },
      `path is "auth/mfa", but SuperTokens' front ends call <apiBasePath>/totp. Write path: 'auth/totp' for the apiBasePath '/auth'`,
    ],
    [
      'a path that only ends in the same letters',
      { superTokens: {}, providers, path: 'my-totp' },
      `path is "my-totp", but SuperTokens' front ends call <apiBasePath>/totp`,
    ],
    [
      'no way to sign out',
      { superTokens: {}, path: 'auth/totp' },
      'superTokens is on, but nothing ends the sessions of your application when a front end signs a user out. Write a class',
    ],
    [
      'no routes',
      { superTokens: {}, providers, path: 'auth/totp', controllers: false },
      'superTokens needs the routes of TOTP, and controllers is false. Leave controllers out, or superTokens',
    ],
    [
      'a way to sign out that is never used',
      { providers },
      'SuperTokensSignOut is provided, but nothing uses it. Write superTokens: {}',
    ],
  ])('is refused with %s', (_, extras, message) => {
    expect(() => {
      checkSuperTokens(readExtras(extras));
    }).toThrow(`TotpModule: ${message}`);
  });

  it.each([
    ['unknown settings', { refresh: '1h' }, 'superTokens.refresh'],
    ['a time out of range', { refreshAfter: '2d' }, 'superTokens.refreshAfter'],
    ['true', true, 'superTokens'],
  ])('is refused with %s', (_, superTokens, name) => {
    expect(() => readExtras({ superTokens: superTokens as object })).toThrow(name);
  });

  it.each([
    ['totp', ['totp'], ['totp', ':tenantId/totp']],
    ['auth/totp', ['auth/totp'], ['auth/totp', 'auth/:tenantId/totp']],
    ['api/auth/totp', ['api/auth/totp'], ['api/auth/totp', 'api/auth/:tenantId/totp']],
  ])('serves the path %s, with or without a tenant', (path, plain, withTenants) => {
    expect(paths(path, false)).toEqual(plain);
    expect(paths(path, true)).toEqual(withTenants);
  });
});
