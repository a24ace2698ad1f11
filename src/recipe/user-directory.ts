import { Injectable } from '@nestjs/common';

export type UserIdentifierInfoAnswer =
  | { readonly status: 'OK'; readonly info: string }
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' | 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR' };

/**
 * Tells by what name a user knows the account: the e-mail address or phone number that the authenticator app shows.
 *
 * @example
 * class UserDirectory extends TotpUserDirectory {
 *   async getUserIdentifierInfo({ userId }) {
 *     const user = await users.findOneBy({ id: userId });
 *     return user ? { status: 'OK', info: user.email } : { status: 'UNKNOWN_USER_ID_ERROR' };
 *   }
 * }
 * TotpModule.forRoot({ …, providers: [{ provide: TotpUserDirectory, useClass: UserDirectory }] });
 */
export abstract class TotpUserDirectory {
  abstract getUserIdentifierInfo(input: {
    userId: string;
    userContext: Record<string, unknown>;
  }): Promise<UserIdentifierInfoAnswer>;
}

/** Knows nobody's name: authenticator apps then show the issuer alone. */
@Injectable()
export class AnonymousUserDirectory extends TotpUserDirectory {
  override getUserIdentifierInfo(): Promise<UserIdentifierInfoAnswer> {
    return Promise.resolve({ status: 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR' });
  }
}
