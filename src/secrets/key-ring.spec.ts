import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { TotpConfigurationError } from '../shared/errors.js';
import { readKeyRing } from './key-ring.js';

const bytes = Buffer.from('f4a8c1127be09d3355e6017f88b2cd4690d1ae5c3b7742fe10698fd3a2c05b14', 'hex');
const base64 = bytes.toString('base64');
const other = randomBytes(32).toString('base64');

function refused(option: unknown): string {
  try {
    readKeyRing(option);
  } catch (error) {
    if (error instanceof TotpConfigurationError) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('a key', () => {
  it.each([
    ['Base64', base64],
    ['Base64 without padding', base64.replace('=', '')],
    ['Base64 for URLs', bytes.toString('base64url')],
    ['hex', bytes.toString('hex')],
    ['hex in upper case', bytes.toString('hex').toUpperCase()],
    ['Base64 with a line end, as a file has it', `${base64}\n`],
  ])('is read in %s', (_, text) => {
    const { keys } = readKeyRing({ keys: { k1: text }, current: 'k1' });
    expect(keys.get('k1')?.export()).toEqual(bytes);
  });

  it.each([
    ['a text', 'correct horse battery staple'],
    ['a text of 32 characters', 'abcdefghijklmnopqrstuvwxyz012345'],
    [
      'a text of 32 characters in Base64',
      Buffer.from('My cat is called Minka, since ’98'.slice(0, 32)).toString('base64'),
    ],
    ['a text of 32 characters in hex', Buffer.from('abcdefghijklmnopqrstuvwxyz012345').toString('hex')],
    ['16 bytes', randomBytes(16).toString('base64')],
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['31 bytes in hex', randomBytes(31).toString('hex')],
    ['zeros', Buffer.alloc(32).toString('base64')],
    ['a pattern', Buffer.alloc(32, randomBytes(8)).toString('hex')],
    ['bytes in a row', Buffer.from(Array.from({ length: 32 }, (__, n) => n)).toString('base64')],
    [
      'a text with an umlaut',
      Buffer.from('mein schönes Wort für den Safe!'.padEnd(31, '.').slice(0, 31)).toString('base64'),
    ],
    ['nothing', ''],
    ['an environment variable that is not set', undefined],
    ['bytes', bytes],
  ])('S1: that is %s is refused with the command that makes a good one, and is not repeated', (_, key) => {
    const message = refused({ keys: { k1: key }, current: 'k1' });
    expect(message).toContain('keys["k1"]');
    expect(message).toContain('npx nestjs-totp-cli keys generate');
    expect(message).toContain('openssl rand -base64 32');
    if (typeof key === 'string' && key !== '') expect(message).not.toContain(key);
  });

  it('has an id that fits next to each secret', () => {
    for (const id of ['', 'K', 'a_b', 'a:b', 'a,b', 'ä', 'a'.repeat(17), 'plain', '-', '__proto__x']) {
      expect(refused({ keys: { k1: base64, [id]: other }, current: 'k1' })).toContain(JSON.stringify(id));
    }
    expect(readKeyRing({ keys: { 'a-0': base64, ['9'.repeat(16)]: other }, current: 'a-0' }).keys.size).toBe(2);
  });

  it('has only one id', () => {
    expect(refused({ keys: { k1: base64, k2: bytes.toString('hex') }, current: 'k1' })).toContain('"k1" twice');
  });

  it('S4: is not shown when the ring is printed or logged', () => {
    const ring = readKeyRing({ keys: { k1: base64 }, current: 'k1' });
    for (const shown of [inspect(ring, { depth: 9 }), JSON.stringify(ring), JSON.stringify([...ring.keys])]) {
      for (const form of ['base64', 'hex', 'base64url'] as const) expect(shown).not.toContain(bytes.toString(form));
    }
  });
});

describe('a key ring', () => {
  it.each([
    ['is a text', 'AES', 'must be { keys'],
    ['is a text of what it should be', JSON.stringify({ keys: { k1: base64 }, current: 'k1' }), 'use JSON.parse'],
    ['has a key for an id', { keys: { [base64]: 'k1' }, current: 'k1' }, 'too long to be shown'],
    ['has a key for the current id', { keys: { k1: base64 }, current: base64 }, 'too long to be shown'],
    ['has a key for a field', { keys: { k1: base64 }, current: 'k1', [base64]: 1 }, 'too long to be shown'],
    ['is a list', [base64], 'must be { keys'],
    ['has no keys', { current: 'k1' }, 'keys by id'],
    ['has keys in a list', { keys: [base64], current: '0' }, 'keys by id'],
    ['has no current key', { keys: { k1: base64 } }, 'no key for current: undefined. Write one of "k1"'],
    ['has another current key', { keys: { k1: base64 }, current: 'k2' }, 'no key for current: "k2"'],
    ['has lost the current key', { keys: { k1: 'lost' }, current: 'k1' }, 'no key for current: "k1"'],
    ['takes the current key from a prototype', { keys: { k1: base64 }, current: 'constructor' }, 'no key for current'],
    ['has a word too many', { keys: { k1: base64 }, current: 'k1', acceptPlaintext: true }, '"acceptPlaintext"'],
    ['says maybe to plain text', { keys: { k1: base64 }, current: 'k1', acceptPlainText: 'yes' }, 'acceptPlainText'],
  ])('that %s is refused, and what is wrong is named', (_, option, problem) => {
    const message = refused(option);
    expect(message).toContain(problem);
    expect(message).not.toContain(base64);
  });

  it('names the keys that are lost', () => {
    const ring = readKeyRing({ keys: { k1: base64, k0: 'lost' }, current: 'k1' });
    expect(ring.keys.get('k0')).toBeNull();
    expect(ring.acceptPlainText).toBe(false);
  });
});
