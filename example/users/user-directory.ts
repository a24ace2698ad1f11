/** Supplies the name of a user's account, which authenticator apps show next to the code. */
import { Injectable } from '@nestjs/common';
import { TotpUserDirectory, type UserIdentifierInfoAnswer } from 'nestjs-totp';
import { UsersService } from './users.service.js';

@Injectable()
export class UserDirectory extends TotpUserDirectory {
  constructor(private readonly users: UsersService) {
    super();
  }

  override async getUserIdentifierInfo({ userId }: { userId: string }): Promise<UserIdentifierInfoAnswer> {
    const user = await this.users.find(userId);
    return user === null ? { status: 'UNKNOWN_USER_ID_ERROR' } : { status: 'OK', info: user.email };
  }
}
