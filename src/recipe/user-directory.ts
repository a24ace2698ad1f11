/** Supplies the account label that authenticator apps show. */
import { Injectable } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { property } from '../shared/unknown.js';
import { isLabel } from './arguments.js';

export type UserIdentifierInfoAnswer =
  | { readonly status: 'OK'; readonly info: string }
  | { readonly status: 'UNKNOWN_USER_ID_ERROR' | 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR' };

/**
 * Supplies the name of a user's account, such as an e-mail address or a phone number, for authenticator apps to show.
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

/**
 * Rejects anything that is not an answer of a user directory, before anything is stored. Directories and overrides written in
 * JavaScript may return anything.
 *
 * @throws TotpConfigurationError
 */
export function checkUserIdentifierInfo(answer: unknown): UserIdentifierInfoAnswer {
  const status = property(answer, 'status');
  const info = property(answer, 'info');
  if (status === 'OK' && typeof info === 'string' && isLabel(info, 'info') === undefined) return { status, info };
  if (status === 'UNKNOWN_USER_ID_ERROR' || status === 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR') return { status };
  throw new TotpConfigurationError(
    'TotpModule: TotpUserDirectory.getUserIdentifierInfo did not return an answer. Return { status: "OK", info } with a ' +
      'non-empty string, { status: "USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR" } for a user without one, or ' +
      '{ status: "UNKNOWN_USER_ID_ERROR" }.',
  );
}

/** Supplies no labels: authenticator apps then show the issuer alone. */
@Injectable()
export class AnonymousUserDirectory extends TotpUserDirectory {
  override getUserIdentifierInfo(): Promise<UserIdentifierInfoAnswer> {
    return Promise.resolve({ status: 'USER_IDENTIFIER_INFO_DOES_NOT_EXIST_ERROR' });
  }
}
