import { codeOfStep } from '../otp/code.js';
import { fromBase32 } from '../otp/secret.js';
import { TotpCodeReplayedEvent, TotpUserUnlockedEvent } from '../events/catalogue.js';
import { TestTotpClock, totpCode, TotpEventRecorder } from './index.js';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('the clock of a test', () => {
  it('does not move until it is set', () => {
    const clock = new TestTotpClock();
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1));
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1));
    clock.advance(30);
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1, 0, 0, 30));
    clock.advance(-60);
    expect(clock.now()).toBe(Date.UTC(2025, 11, 31, 23, 59, 30));
    clock.set(7);
    expect(clock.now()).toBe(7);
    expect(new TestTotpClock(8).now()).toBe(8);
  });
});

describe('the code that an authenticator shows', () => {
  it('is made of a secret as most apps do it', () => {
    expect(totpCode(SECRET, 59_000)).toBe('287082');
    expect(totpCode(SECRET.toLowerCase(), 59_999)).toBe('287082');
  });

  it('is made with the settings that are given', () => {
    expect(totpCode(SECRET, 59_000, { digits: 8 })).toBe('94287082');
    expect(totpCode(SECRET, 59_000, { period: 60 })).toBe('755224');
    const secret = fromBase32(SECRET) ?? new Uint8Array();
    expect(totpCode(SECRET, 59_000, { algorithm: 'SHA256' })).toBe(
      codeOfStep(secret, 1, { algorithm: 'SHA256', digits: 6, period: 30 }),
    );
  });

  it('is made with the settings that a key URI tells, or the usual ones', () => {
    const told = `otpauth://totp/Acme?secret=${SECRET}&issuer=Acme&algorithm=SHA512&digits=8&period=60`;
    expect(totpCode(told, 59_000)).toBe(totpCode(SECRET, 59_000, { algorithm: 'SHA512', digits: 8, period: 60 }));
    expect(totpCode(`otpauth://totp/Acme?secret=${SECRET}`, 59_000)).toBe('287082');
  });

  it('is not made of anything else, and what it was is not repeated', () => {
    expect(() => totpCode('not-a-secret', 0)).toThrow(
      new TypeError('totpCode needs a key URI (qrCodeString) or a secret in Base32 of 16 to 64 bytes'),
    );
  });
});

it('the recorder keeps events in their order, until it is cleared', () => {
  const recorder = new TotpEventRecorder();
  const origin = { occurredAt: 0, userId: 'ann', tenantId: 'public' };
  const replayed = new TotpCodeReplayedEvent(origin, { deviceId: 'id' });
  const unlocked = new TotpUserUnlockedEvent(origin, { reason: 'manual' });
  recorder.publish([replayed, unlocked]);
  recorder.publish([replayed]);
  expect(recorder.events).toEqual([replayed, unlocked, replayed]);
  expect(recorder.named('totp.user.unlocked')).toEqual([unlocked]);
  recorder.clear();
  expect(recorder.events).toEqual([]);
});
