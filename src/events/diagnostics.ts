/** Publishes events on Node's diagnostics channels, for tools that watch a process without being part of the application. */
import { channel } from 'node:diagnostics_channel';
import { type AnyTotpEvent, TOTP_EVENT_NAMES } from './catalogue.js';

/** The channel of each event: `nestjs:totp:code.accepted` for `totp.code.accepted`. */
const CHANNELS = new Map(
  TOTP_EVENT_NAMES.map((name) => [name, channel(`nestjs:totp:${name.replace(/^totp\./, '')}`)] as const),
);

/** What a subscriber throws does not reach the caller: Node reports it as an uncaught exception. */
export function publishDiagnostics(events: readonly AnyTotpEvent[]): void {
  for (const event of events) CHANNELS.get(event.name)?.publish(event);
}
