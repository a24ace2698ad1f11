/** What the next page says about the form that was just sent: kept in the session between the POST and the redirect's GET. */
import { type Request } from 'express';

/** A change of the second factor that waits for a fresh code. */
export interface PendingChange {
  action: 'add' | 'confirm' | 'rename' | 'remove' | 'recovery-codes' | 'forget';
  fields: { deviceName?: string; newDeviceName?: string; id?: string };
}

export interface Flash {
  tone: 'good' | 'bad';
  text: string;
  /** The form that the message belongs to; without one, it belongs to the page. */
  form?: 'code' | 'recovery' | PendingChange['action'];
  /** The authenticator that the form is about. */
  device?: string | undefined;
  /** What was entered, where it is no secret. */
  entered?: string | undefined;
  pending?: PendingChange;
}

declare module 'express-session' {
  interface SessionData {
    flash: Flash;
  }
}

/** The message for this page, which no later page shows. */
export function takeFlash(request: Request): Flash | undefined {
  const { flash } = request.session;
  if (flash !== undefined) delete request.session.flash;
  return flash;
}
