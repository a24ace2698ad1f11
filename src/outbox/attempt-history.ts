/** What an entry of the outbox keeps about the attempts to deliver it. */
import { asciiJson, MAX_TEXT_LENGTH } from '../storage/sql/text.js';
import { property } from '../shared/unknown.js';

/** A failed attempt. */
export interface TotpDeliveryFailure {
  /** Epoch ms, by the clock of the process that tried. */
  readonly at: number;
  /** The error's message, at most 500 characters. */
  readonly reason: string;
}

/** The attempts to deliver one event to one destination. */
export interface TotpAttemptHistory {
  /** The newest ten failures, oldest first. */
  readonly failures: readonly TotpDeliveryFailure[];
  /** The parts of the destination that have taken the event, such as handlers: `Mailer.onLocked`. */
  readonly completed: readonly string[];
}

export const NO_ATTEMPTS: TotpAttemptHistory = { failures: [], completed: [] };

const MAX_FAILURES = 10;

/** The history after another failure. */
export function withFailure(
  { failures }: TotpAttemptHistory,
  failure: TotpDeliveryFailure,
  completed: Iterable<string>,
): TotpAttemptHistory {
  return { failures: [...failures, failure].slice(-MAX_FAILURES), completed: [...completed] };
}

/** In JSON that fits a column. If it is too long, parts are left out, which then get the event again. */
export function writeHistory({ failures, completed }: TotpAttemptHistory): string {
  for (let kept = completed.length; kept > 0; kept = Math.floor(kept / 2)) {
    const json = asciiJson({ failures, completed: completed.slice(0, kept) });
    if (json.length <= MAX_TEXT_LENGTH) return json;
  }
  return asciiJson({ failures, completed: [] });
}

/** What cannot be read is left out: a damaged history must not stop the delivery. */
export function readHistory(json: unknown): TotpAttemptHistory {
  if (typeof json !== 'string') return NO_ATTEMPTS;
  try {
    const read: unknown = JSON.parse(json);
    return {
      failures: listOf(property(read, 'failures')).filter(isFailure),
      completed: listOf(property(read, 'completed')).filter((part) => typeof part === 'string'),
    };
  } catch {
    return NO_ATTEMPTS;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFailure(value: unknown): value is TotpDeliveryFailure {
  return typeof property(value, 'at') === 'number' && typeof property(value, 'reason') === 'string';
}
