import { NEW_ACCOUNT } from './account.js';
import { keySetOf, sealingKeyId } from '../secrets/key-ids.js';

it('a new user has no devices, and all tries', () => {
  expect(NEW_ACCOUNT).toEqual({
    devices: [],
    budget: { failures: 0, recentFailures: [], lock: null },
    vigilance: { forgivenAt: 0, firstCode: null },
    usedUntil: 0,
    recoveryCodes: null,
    temporaryCode: null,
    trustedBrowsers: [],
  });
});

describe('the id of the key that a secret is sealed with', () => {
  it.each([
    ['plain:JBSWY3DP', 'plain'],
    ['2025-03:v1.x:y', '2025-03'],
    ['a:', 'a'],
    ['abcdefghijklmn-9:x', 'abcdefghijklmn-9'],
  ])('of %j is %j: what precedes the first colon', (sealed, keyId) => {
    expect(sealingKeyId(sealed)).toBe(keyId);
  });

  it.each(['', 'JBSWY3DP', ':x', 'A:x', 'a b:x', 'abcdefghijklmn-90:x', 'x\na:x'])('of %j is none', (sealed) => {
    expect(sealingKeyId(sealed)).toBeUndefined();
  });
});

it.each([
  ['each once and in order', ['b:x', 'a:x', 'b:y'], 'a,b'],
  ['unknown where one is', ['b:x', 'no key'], ''],
  ['none without devices', [], '-'],
])('the keys that secrets are sealed with are noted %s', (_, sealed, keySet) => {
  expect(keySetOf(sealed)).toBe(keySet);
});
