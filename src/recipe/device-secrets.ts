/** Seals and opens the secrets of devices, and compares them with codes and with each other. No other code opens a secret. */
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Device } from '../accounts/account.js';
import type { DuplicateSecret, NewDevice } from '../accounts/enrolment.js';
import type { Comparison } from '../accounts/verification.js';
import { matchingSteps } from '../otp/code.js';
import { type HmacSecret, isSameKey, newSecret } from '../otp/secret.js';
import { type DeviceBinding, isSealedWithOldKey, sealSecret, TotpSecretCipher } from '../secrets/secret-cipher.js';
import { TotpSecretError } from '../shared/errors.js';
import { logError } from '../shared/log-error.js';

/** How a new device computes its codes. */
export type DeviceSettings = Pick<Device, 'algorithm' | 'digits' | 'period' | 'skew'>;

/** A new device whose secret is sealed, before it has a time and a name. */
export interface SealedDevice {
  readonly secret: Uint8Array;
  readonly device: Omit<NewDevice, 'createdAt'>;
}

/** Every method throws what the cipher throws: a `TotpSecretError` for a secret that cannot be opened. */
@Injectable()
export class DeviceSecrets {
  private readonly logger = new Logger('TotpModule');

  constructor(@Inject(TotpSecretCipher) private readonly cipher: TotpSecretCipher) {}

  /** A device with a random secret. */
  create(userId: string, settings: DeviceSettings, id?: string): Promise<SealedDevice> {
    return this.seal(userId, newSecret(), settings, id);
  }

  /** A device with a secret that the user's authenticator app already has. */
  async seal(
    userId: string,
    secret: Uint8Array,
    settings: DeviceSettings,
    id: string = randomUUID(),
  ): Promise<SealedDevice> {
    const sealedSecret = await sealSecret(this.cipher, secret, bindingOf(userId, { id, ...settings }));
    return { secret, device: { id, sealedSecret, ...settings } };
  }

  /**
   * Compares a code with every step of the window of every candidate, even after a match, so that the
   * duration reveals nothing. The secret of a device that matches is resealed under the current key; the write that an accepted
   * code needs anyway stores it.
   */
  compare(userId: string, candidates: readonly Device[], code: string, now: number): Promise<Comparison[]> {
    return Promise.all(
      candidates.map(async (device) => {
        const secret = await this.open(userId, device);
        const matchedSteps = matchingSteps(secret, code, now, device);
        const isUsed = matchedSteps.length > 0;
        return { device: isUsed ? await this.resealOrKeep(userId, device, secret) : device, matchedSteps };
      }),
    );
  }

  /**
   * The first of the devices whose secret is the same HMAC key; otherwise one whose secret cannot be opened, and so
   * may be the same.
   *
   * @param devices of the user
   */
  async findDuplicate(
    userId: string,
    devices: readonly Device[],
    incoming: HmacSecret,
  ): Promise<DuplicateSecret | undefined> {
    let unreadable: DuplicateSecret | undefined;
    for (const device of devices) {
      try {
        const secret = await this.open(userId, device);
        if (isSameKey({ secret, algorithm: device.algorithm }, incoming)) return { kind: 'same', device };
      } catch (error) {
        if (!(error instanceof TotpSecretError)) throw error;
        unreadable = { kind: 'unreadable', device };
      }
    }
    return unreadable;
  }

  /** The device with its secret sealed under the current key; the same object if it already is. */
  async reseal(userId: string, device: Device): Promise<Device> {
    if (!isSealedWithOldKey(this.cipher, device.sealedSecret)) return device;
    return this.withSecret(userId, device, await this.open(userId, device));
  }

  /** Whether the cipher can open the secret of a device with the keys that it has. */
  async canOpen(userId: string, device: Device): Promise<boolean> {
    return this.open(userId, device).then(Boolean, () => false);
  }

  /** The secret of a device. */
  open(userId: string, device: Device): Promise<Uint8Array> {
    return this.cipher.open(device.sealedSecret, bindingOf(userId, device));
  }

  private async withSecret(userId: string, device: Device, secret: Uint8Array): Promise<Device> {
    return { ...device, sealedSecret: await sealSecret(this.cipher, secret, bindingOf(userId, device)) };
  }

  private async resealOrKeep(userId: string, device: Device, secret: Uint8Array): Promise<Device> {
    if (!isSealedWithOldKey(this.cipher, device.sealedSecret)) return device;
    try {
      return await this.withSecret(userId, device, secret);
    } catch (error) {
      // The stored secret can still be opened, so the code is accepted. The key rotation will retry.
      logError(this.logger, 'A secret could not be re-encrypted', error);
      return device;
    }
  }
}

function bindingOf(
  userId: string,
  { id, algorithm, digits, period, skew }: DeviceSettings & Pick<Device, 'id'>,
): DeviceBinding {
  return { purpose: 'device', userId, deviceId: id, algorithm, digits, period, skew };
}
