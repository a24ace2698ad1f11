/** Describes an event of the module in a sentence. */
import { type AnyTotpEvent, type Operator } from 'nestjs-totp';
import { named } from './names.js';

export interface EventEntry {
  id: string;
  name: string;
  /** Names in it are marked: see `named`. */
  text: string;
  tone: 'good' | 'bad' | 'plain';
  /** ISO 8601. */
  at: string;
  /** The event itself. */
  json: string;
}

export function describeEvent(event: AnyTotpEvent): EventEntry {
  const { text, tone } = words(event);
  const at = new Date(event.occurredAt).toISOString();
  return {
    id: event.id,
    name: event.name,
    at,
    tone,
    json: JSON.stringify(event, null, 2),
    text: event.by === undefined ? text : `${text} ${byWhom(event.by)}`,
  };
}

function words(event: AnyTotpEvent): Pick<EventEntry, 'text' | 'tone'> {
  switch (event.name) {
    case 'totp.device.created':
      return {
        tone: 'plain',
        text: `${named(event.deviceName)} was added${event.replaced ? ' again, with a new key' : ''}.`,
      };
    case 'totp.device.verified':
      return { tone: 'good', text: `${named(event.deviceName)} was confirmed with its first code.` };
    case 'totp.device.renamed':
      return { tone: 'plain', text: `${named(event.from)} is now called ${named(event.to)}.` };
    case 'totp.device.removed':
      return { tone: 'plain', text: `${named(event.deviceName)} was removed.` };
    case 'totp.code.accepted':
      return { tone: 'good', text: `A code from ${named(event.deviceName)} was accepted${offset(event.stepOffset)}.` };
    case 'totp.code.rejected':
      return { tone: 'bad', text: `A wrong code was entered. Tries left: ${event.failuresLeft}.` };
    case 'totp.code.replayed':
      // No more than the form says: the person who entered it must not learn that it was once right.
      return { tone: 'bad', text: 'A code was refused: it was wrong, or was used before.' };
    case 'totp.user.locked': {
      if (event.until === null) return { tone: 'bad', text: 'Locked until support unlocks the account.' };
      const minutes = Math.round((event.until - event.occurredAt) / 60_000);
      return { tone: 'bad', text: `Locked for ${minutes} minutes after ${event.failures} wrong codes in a row.` };
    }
    case 'totp.user.unlocked':
      return { tone: 'good', text: UNLOCKED[event.reason] };
    case 'totp.user.suspected':
      return { tone: 'bad', text: 'Many wrong codes were entered. Signing in now takes two codes in a row.' };
    case 'totp.recovery-codes.created':
      return { tone: 'plain', text: `${String(event.count)} recovery codes were created.` };
    case 'totp.recovery-code.used':
      return { tone: 'good', text: `A recovery code was used. ${String(event.left)} are left.` };
    case 'totp.recovery-code.rejected':
      return { tone: 'bad', text: 'A wrong recovery code was entered.' };
    case 'totp.temporary-code.created':
      return { tone: 'plain', text: 'Support issued a temporary code.' };
    case 'totp.temporary-code.used':
      return { tone: 'good', text: 'The temporary code was used.' };
    case 'totp.browser.trusted':
      return { tone: 'good', text: 'A browser is now trusted.' };
    case 'totp.browser.forgotten':
      return { tone: 'plain', text: `Trusted browsers were forgotten: ${String(event.browserIds.length)}.` };
    case 'totp.user.removed':
      return { tone: 'bad', text: 'Everything about the user was erased.' };
  }
}

const UNLOCKED = {
  manual: 'Unlocked by support.',
  expired: 'The lock is over.',
  recovery: 'Unlocked by a recovery code.',
} as const;

/** Who at the support desk did it, and why. */
function byWhom({ actor, reason }: Operator): string {
  return `By ${named(actor)}${reason === undefined ? '' : `: ${named(reason)}`}.`;
}

function offset(steps: number): string {
  if (steps === 0) return '';
  return `, ${Math.abs(steps)} step ${steps < 0 ? 'late' : 'early'}`;
}
