/** A person's sessions as the page lists them. */
import { type SessionData } from 'express-session';
import { browserName } from './browser-rows.js';
import { moment } from './views.js';

export interface SessionRow {
  handle: string;
  name: string;
  since: string;
  /** Whether it is the one that asks. */
  own: boolean;
}

export function sessionRows(sessions: readonly SessionData[], own: string): SessionRow[] {
  return sessions.map(({ handle, userAgent, signedInAt }) => ({
    handle,
    name: browserName(userAgent),
    since: moment(signedInAt),
    own: handle === own,
  }));
}
