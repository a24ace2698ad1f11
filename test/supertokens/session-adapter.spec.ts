/** What `SuperTokensSessionAdapter` reads of a request. */
import { SuperTokensSessionAdapter, TotpConfigurationError } from 'nestjs-totp';
import { contextOf } from '../support/contexts.js';

const mfa = { markFactorAsCompleteInSession: () => Promise.resolve() };
const adapter = new SuperTokensSessionAdapter(mfa);
const resolve = (session: unknown) => adapter.resolve(contextOf({ session }));

/** A session with a claim of SuperTokens. */
const withClaim = (claim: unknown) => ({
  getUserId: () => 'ann',
  getTenantId: () => 'public',
  getHandle: () => 'handle',
  getAccessTokenPayload: () => ({ 'st-mfa': claim }),
});

describe('SuperTokensSessionAdapter', () => {
  it('finds no session in a request without one', async () => {
    expect(await resolve(undefined)).toBeUndefined();
  });

  it('refuses a session that is not one of SuperTokens, and says what to write', async () => {
    const refusal = expect(resolve({ cookie: {} })).rejects;
    await refusal.toThrow(/request\.session has no getUserId\(\).*Let a guard call verifySession\(\)/);
    await expect(resolve({ ...withClaim({}), getTenantId: () => 5 })).rejects.toThrow(TotpConfigurationError);
  });

  it('reads when the session completed TOTP', async () => {
    const session = await resolve(withClaim({ c: { emailpassword: 1_700_000_000, totp: 1_800_000_000 }, v: true }));
    expect(session).toMatchObject({ userId: 'ann', tenantId: 'public', handle: 'handle' });
    expect(await session?.completedAt()).toBe(1_800_000_000_000);
  });

  it.each([undefined, {}, { v: true }, { c: {}, v: true }, { c: { totp: '1800000000' }, v: true }])(
    'takes a session with the claim %j for one that has not completed TOTP',
    async (claim) => {
      expect(await (await resolve(withClaim(claim)))?.completedAt()).toBeUndefined();
    },
  );
});
