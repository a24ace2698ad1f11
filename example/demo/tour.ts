/** The tour: six things to try, with where the docs and the source of each are. */

export interface TourStop {
  /** Names it in the browser, which remembers what was done. */
  id: string;
  title: string;
  how: string;
  /** The address to begin at. */
  start: string;
  /** Events that show that it was done. */
  events: readonly string[];
  /** Files of the project. */
  docs: string;
  source: string;
}

export const TOUR: readonly TourStop[] = [
  {
    id: 'enrol',
    title: 'Add an authenticator',
    how: 'Add one on the Security page, scan the QR code with the demo phone, and enter the code that it shows.',
    start: '/security',
    events: ['totp.device.verified'],
    docs: 'docs/service.md',
    source: 'example/pages/security.controller.ts',
  },
  {
    id: 'sign-in',
    title: 'Sign in with a code',
    how: 'Sign out, and sign in again. The code that you have just used is refused: step the clock by 30 seconds, or wait.',
    start: '/sign-in',
    events: ['totp.code.accepted'],
    docs: 'docs/sign-in.md',
    source: 'example/pages/code.controller.ts',
  },
  {
    id: 'attack',
    title: 'Attack your account',
    how: 'Enter one right code 50 times at once, and see that one is accepted. Then guess 100 codes at once, and see that five are checked.',
    start: '/security',
    events: ['demo.attack'],
    docs: 'docs/security.md',
    source: 'example/demo/attack.ts',
  },
  {
    id: 'lock',
    title: 'Wait out a lock',
    how: 'Five wrong codes lock the account, in every browser. Step the clock by 15 minutes, and sign in again with a code.',
    start: '/sign-in',
    events: ['totp.user.unlocked'],
    docs: 'docs/security.md',
    source: 'example/pages/second-step.ts',
  },
  {
    id: 'recovery',
    title: 'Lose your phone',
    how: 'Lose the demo phone, sign out and in again, and use one of your recovery codes. They work during a lock too.',
    start: '/sign-in',
    events: ['totp.recovery-code.used'],
    docs: 'docs/recovery.md',
    source: 'example/pages/recovery.controller.ts',
  },
  {
    id: 'events',
    title: 'Read the events and the mails',
    how: 'Unfold the JSON of an event, and read the mails that a listener of the events sent to you.',
    start: '/mail',
    events: ['demo.mail'],
    docs: 'docs/events.md',
    source: 'example/mail/owners-mail.ts',
  },
];
