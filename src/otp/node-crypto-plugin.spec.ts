import { nodeCryptoPlugin } from './node-crypto-plugin.js';

describe("the comparison of otplib's crypto plugin", () => {
  it.each([
    ['123456', '123456', true],
    ['123456', Buffer.from('123456'), true],
    ['123456', '123457', false],
    ['123456', '12345', false],
    ['', '', true],
  ])('of %j and %j is %s', (one, other, isEqual) => {
    expect(nodeCryptoPlugin.constantTimeEqual(one, other)).toBe(isEqual);
  });
});
