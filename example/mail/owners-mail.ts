/** Mails the owner of an account when something happens to its second factor. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  OnTotpEvent,
  type TotpDeviceRemovedEvent,
  type TotpDeviceVerifiedEvent,
  type TotpRecoveryCodesCreatedEvent,
  type TotpRecoveryCodeUsedEvent,
  type TotpTemporaryCodeCreatedEvent,
  type TotpUserLockedEvent,
} from 'nestjs-totp';
import { Repository } from 'typeorm';
import { named } from '../events/names.js';
import { Mail } from './mail.entity.js';

const NOT_YOU = 'If that was not you, change your password and call our support desk.';

type NewMail = Pick<Mail, 'id' | 'userId' | 'sentAt' | 'subject' | 'text'>;

@Injectable()
export class OwnersMail {
  constructor(@InjectRepository(Mail) private readonly mails: Repository<Mail>) {}

  @OnTotpEvent('totp.device.verified', { durable: true })
  async deviceAdded({ id, userId, occurredAt, deviceName }: TotpDeviceVerifiedEvent): Promise<void> {
    const text = `${named(deviceName)} now makes codes for your account. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'A new authenticator', text });
  }

  @OnTotpEvent('totp.device.removed', { durable: true })
  async deviceRemoved({ id, userId, occurredAt, deviceName, wasVerified }: TotpDeviceRemovedEvent): Promise<void> {
    if (!wasVerified) return;
    const text = `${named(deviceName)} no longer makes codes for your account, and your other sessions have ended. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'An authenticator was removed', text });
  }

  @OnTotpEvent('totp.user.locked', { durable: true })
  async locked({ id, userId, occurredAt, until }: TotpUserLockedEvent): Promise<void> {
    const end = until === null ? 'our support desk unlocks it' : new Date(until).toUTCString();
    const text = `Somebody who knows your password entered wrong codes. Codes are refused until ${end}; your recovery codes still work. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'Your account is locked', text });
  }

  @OnTotpEvent('totp.recovery-codes.created', { durable: true })
  async codesCreated({ id, userId, occurredAt, count }: TotpRecoveryCodesCreatedEvent): Promise<void> {
    const text = `Your account has ${count} new recovery codes. Earlier ones no longer work. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'New recovery codes', text });
  }

  @OnTotpEvent('totp.recovery-code.used', { durable: true })
  async codeUsed({ id, userId, occurredAt, left }: TotpRecoveryCodeUsedEvent): Promise<void> {
    const text = `Somebody signed in to your account with one of your recovery codes. You have ${left} left. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'A recovery code was used', text });
  }

  @OnTotpEvent('totp.temporary-code.created', { durable: true })
  async codeIssued({ id, userId, occurredAt }: TotpTemporaryCodeCreatedEvent): Promise<void> {
    const text = `Our support desk issued a temporary code for your account. ${NOT_YOU}`;
    await this.send({ id, userId, sentAt: occurredAt, subject: 'A temporary code', text });
  }

  async passwordChanged(userId: string, at: number): Promise<void> {
    const text = `The password of your account was changed, and your other sessions have ended. ${NOT_YOU}`;
    await this.send({ id: randomUUID(), userId, sentAt: at, subject: 'Your password was changed', text });
  }

  /** The user's mails, newest first. */
  of(userId: string): Promise<Mail[]> {
    return this.mails.find({ where: { userId }, order: { sentAt: 'DESC' }, take: 100 });
  }

  /** Keeps the mail; an application hands it to its mail server here. */
  private async send(mail: NewMail): Promise<void> {
    await this.mails.upsert(mail, ['id']);
  }
}
