/** Where a person wanted to go before signing in. Only these: a link to the sign-in page must not lead elsewhere afterwards. */

/** The pages behind the code, and how many seconds ago the code may have been entered. */
const PAGES = { '/security': Infinity, '/vault': 20 * 60, '/password': 20 * 60, '/mail': Infinity } as const;

export type Destination = keyof typeof PAGES;

/** Of the vault and of the page that changes the password. */
export const SENSITIVE_MAX_AGE = PAGES['/vault'];

/** The security page, unless one of the pages is named. */
export function destination(next: unknown): Destination {
  return isDestination(next) ? next : '/security';
}

/** Whether a code that was entered at this time opens the page. Both in epoch ms. */
export function isFresh(completedAt: number | undefined, now: number, page: Destination): boolean {
  return completedAt !== undefined && now - completedAt <= PAGES[page] * 1000;
}

function isDestination(next: unknown): next is Destination {
  return typeof next === 'string' && Object.hasOwn(PAGES, next);
}
