/** A person's trusted browsers as the page lists them. */
import { type TrustedBrowserSummary } from 'nestjs-totp';
import { day } from './views.js';

export interface BrowserRow {
  id: string;
  name: string;
  /** The day on which it was last used, and the one on which it asks for a code again. */
  lastUsed: string;
  expires: string;
}

const BROWSERS = ['Edg', 'Firefox', 'Chrome', 'Safari'];
const SYSTEMS = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'];
const NAMES: Readonly<Record<string, string>> = { Edg: 'Edge', 'Mac OS': 'macOS' };

export function browserRows(browsers: readonly TrustedBrowserSummary[]): BrowserRow[] {
  return browsers.map(({ id, userAgent, lastUsedAt, expiresAt }) => ({
    id,
    name: browserName(userAgent ?? ''),
    lastUsed: day(lastUsedAt),
    expires: day(expiresAt),
  }));
}

/** Only good enough to tell one's own browsers apart. */
export function browserName(userAgent: string): string {
  const find = (names: readonly string[]) => names.find((name) => userAgent.includes(name));
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)].map((name) => name && (NAMES[name] ?? name));
  return [browser ?? 'A browser', ...(system === undefined ? [] : [`on ${system}`])].join(' ');
}
