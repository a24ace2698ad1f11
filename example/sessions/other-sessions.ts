/** Ends a user's other sessions when an authenticator is removed: one of them may be the reason why. */
import { Injectable } from '@nestjs/common';
import { OnTotpEvent, type TotpDeviceRemovedEvent } from 'nestjs-totp';
import { SessionsService } from './sessions.service.js';

@Injectable()
export class OtherSessions {
  constructor(private readonly sessions: SessionsService) {}

  /** The event may come late or twice: sessions that began after it stay. */
  @OnTotpEvent('totp.device.removed', { durable: true })
  async end({ userId, sessionHandle, occurredAt, wasVerified }: TotpDeviceRemovedEvent): Promise<void> {
    if (wasVerified) await this.sessions.endOthers(userId, sessionHandle, occurredAt);
  }
}
