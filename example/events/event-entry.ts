/** Says in words what an event of the module tells. */
import { type AnyTotpEvent } from 'nestjs-totp';

export interface EventEntry {
  id: string;
  name: string;
  text: string;
  tone: 'good' | 'bad' | 'plain';
  /** ISO 8601. */
  at: string;
}

export function describeEvent(event: AnyTotpEvent): EventEntry {
  return { id: event.id, name: event.name, at: new Date(event.occurredAt).toISOString(), ...words(event) };
}

function words(event: AnyTotpEvent): Pick<EventEntry, 'text' | 'tone'> {
  switch (event.name) {
    case 'totp.device.created':
      return {
        tone: 'plain',
        text: `“${event.deviceName}” was added${event.replaced ? ' again, with a new key' : ''}.`,
      };
    case 'totp.device.verified':
      return { tone: 'good', text: `“${event.deviceName}” was confirmed with its first code.` };
    case 'totp.device.renamed':
      return { tone: 'plain', text: `“${event.from}” is now called “${event.to}”.` };
    case 'totp.device.removed':
      return { tone: 'plain', text: `“${event.deviceName}” was removed.` };
    case 'totp.code.accepted':
      return { tone: 'good', text: `A code of “${event.deviceName}” was accepted${offset(event.stepOffset)}.` };
    case 'totp.code.rejected':
      return { tone: 'bad', text: `A wrong code. Tries left: ${event.failuresLeft}.` };
    case 'totp.code.replayed':
      return { tone: 'bad', text: 'A code was entered that had been used already.' };
    case 'totp.user.locked': {
      if (event.until === null) return { tone: 'bad', text: 'Locked until somebody unlocks the account.' };
      const minutes = Math.round((event.until - event.occurredAt) / 60_000);
      return { tone: 'bad', text: `Locked for ${minutes} minutes after ${event.failures} wrong codes in a row.` };
    }
    case 'totp.user.unlocked':
      return { tone: 'good', text: event.reason === 'manual' ? 'Unlocked by hand.' : 'The lock is over.' };
    case 'totp.user.removed':
      return { tone: 'bad', text: 'Everything about the user was erased.' };
  }
}

function offset(steps: number): string {
  if (steps === 0) return '';
  return `, ${Math.abs(steps)} step ${steps < 0 ? 'late' : 'early'}`;
}
