/** What makes a password good enough, and how it is kept: as an argon2id hash, never as text. */
import { hash, verify } from '@node-rs/argon2';

const MIN_LENGTH = 10;
const MAX_LENGTH = 128;

/** The first that a guesser tries, of those that are long enough to be allowed otherwise. */
const COMMON = [
  '1234567890',
  '12345678910',
  '0123456789',
  '1q2w3e4r5t',
  '1qaz2wsx3edc',
  'qwertyuiop',
  'qwerty123456',
  'password12',
  'password123',
  'password1234',
  'passw0rd123',
  'iloveyou123',
  'letmein123',
  'welcome123',
  'changeme123',
  'administrator',
];

/**
 * What is wrong with a new password, in words for the person who chose it; undefined when nothing is.
 *
 * Length counts, not a mixture of kinds of characters (NIST SP 800-63B-4 §3.1.1.2).
 */
export function passwordProblem(password: string, email: string): string | undefined {
  const characters = Array.from(password);
  const lower = password.toLowerCase();
  const account = email.split('@')[0] ?? '';
  if (characters.length === 0) return 'Choose a password.';
  if (characters.length < MIN_LENGTH) {
    return `The password needs at least ${MIN_LENGTH} characters. This one has ${characters.length}.`;
  }
  if (characters.length > MAX_LENGTH) return `The password can have at most ${MAX_LENGTH} characters.`;
  if (new Set(characters).size < 4) return 'This password repeats the same few characters. Choose a less regular one.';
  if (COMMON.includes(lower)) return 'This password is one of the most common ones. Choose one that is only yours.';
  if (account.length > 3 && lower.includes(account.toLowerCase())) {
    return 'The password contains your e-mail address. Choose one that is harder to guess.';
  }
  return undefined;
}

/** With the library's defaults: argon2id, 19 MiB, two passes, which is the minimum that OWASP gives. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'));
}

export function isPassword(password: string, passwordHash: string): Promise<boolean> {
  return verify(passwordHash, password.normalize('NFKC'));
}
