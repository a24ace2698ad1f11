/** A person's authenticators as the page lists them. */
import { createHash } from 'node:crypto';
import { type DeviceSummary } from 'nestjs-totp';
import { day } from './views.js';

export interface DeviceRow extends Pick<DeviceSummary, 'name' | 'verified'> {
  /** What the page says about it. */
  state: string;
  /** Replaces the name, which may hold any character, in the ids of elements. */
  key: string;
  /** Whether removing it leaves the password as the only protection. */
  last: boolean;
}

export function deviceRows(devices: readonly DeviceSummary[]): DeviceRow[] {
  const confirmed = devices.filter(({ verified }) => verified).length;
  return devices.map((device) => ({
    name: device.name,
    verified: device.verified,
    state: stateOf(device),
    key: createHash('sha256').update(device.name).digest('hex').slice(0, 16),
    last: device.verified && confirmed === 1,
  }));
}

const NAMES = ['Phone', 'Tablet', 'Laptop', 'Spare phone'];

/** A name for the next authenticator, which the person may change. */
export function suggestedName(taken: readonly string[]): string {
  return NAMES.find((name) => !taken.includes(name)) ?? '';
}

function stateOf({ verified, createdAt, lastUsedAt }: DeviceSummary): string {
  if (!verified) return 'Not confirmed yet.';
  const used = lastUsedAt === null ? 'not used yet' : `last used on ${day(lastUsedAt)}`;
  return `Added on ${day(createdAt)}, ${used}.`;
}
