/** Wires the mails to owners. */
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Mail } from './mail.entity.js';
import { OwnersMail } from './owners-mail.js';

@Module({ imports: [TypeOrmModule.forFeature([Mail])], providers: [OwnersMail], exports: [OwnersMail] })
export class MailModule {}
