/** A person's authenticators as the page lists them. */
import { createHash } from 'node:crypto';
import { type DeviceSummary } from 'nestjs-totp';

type Device = Pick<DeviceSummary, 'name' | 'verified'>;

export interface DeviceRow extends Device {
  /** Replaces the name, which may hold any character, in the ids of elements. */
  key: string;
  /** Whether removing it leaves the password as the only protection. */
  last: boolean;
}

export function deviceRows(devices: readonly Device[]): DeviceRow[] {
  const confirmed = devices.filter(({ verified }) => verified).length;
  return devices.map((device) => ({
    name: device.name,
    verified: device.verified,
    key: createHash('sha256').update(device.name).digest('hex').slice(0, 16),
    last: device.verified && confirmed === 1,
  }));
}
