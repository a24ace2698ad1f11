/** The files that `nest add` writes into an application. */

export interface OptionsFile {
  readonly issuer: string;
  readonly keyId: string;
  readonly guard: { readonly name: string; readonly specifier: string };
  /** Without sessions on the server, the module stores which sessions have completed TOTP. */
  readonly hasServerSessions: boolean;
}

/** `src/totp/totp.options.ts` */
export function optionsFile({ issuer, keyId, guard, hasServerSessions }: OptionsFile): string {
  const names = hasServerSessions
    ? 'import type { TotpModuleOptions, TotpModuleExtras }'
    : 'import { type TotpModuleExtras, type TotpModuleOptions, TotpSessionAdapter, TotpTokenSessionAdapter }';
  const providers = hasServerSessions
    ? ''
    : `
  // The guard sets request.user to the payload of a token, whose sid or jti names the session.
  providers: [{ provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter }],`;
  return `import { existsSync } from 'node:fs';
${names} from 'nestjs-totp';
import { ${guard.name} } from '${guard.specifier}';

// Before the options are read. What the environment already has takes precedence over the file.
if (existsSync('.env')) process.loadEnvFile('.env');

export const totpOptions: TotpModuleOptions & TotpModuleExtras = {
  issuer: '${issuer.replace(/[\\']/g, '\\$&')}', // the name in the authenticator app
  secrets: { keys: { '${keyId}': process.env.TOTP_KEY }, current: '${keyId}' },
  guards: [${guard.name}],${providers}
};
`;
}

/** `src/totp/sign-in.guard.ts`, for an application that has no sign-in yet. */
export function signInGuardFile(): string {
  return `import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';

/**
 * A placeholder for your sign-in, so that the routes of nestjs-totp can be tried: every request is that of TOTP_DEMO_USER.
 * Replace it with the guard that your own routes have, and remove TOTP_DEMO_USER from .env.
 */
@Injectable()
export class SignInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const sub = process.env.TOTP_DEMO_USER;
    if (!sub || process.env.NODE_ENV === 'production') {
      throw new UnauthorizedException('Replace src/totp/sign-in.guard.ts with your own sign-in.');
    }
    const request: { user?: object; session?: object } = context.switchToHttp().getRequest();
    request.user = { sub, id: sub, sid: 'demo' };
    return true;
  }
}
`;
}

/** Lines of `.env`. */
export function environmentLines(key: string, demoUser: string | undefined): string[] {
  return [
    '# Encrypts the secrets of authenticators. Keep it: what it encrypts cannot be decrypted with another.',
    `TOTP_KEY=${key}`,
    ...(demoUser === undefined
      ? []
      : [
          '# Who signs in without a sign-in, until src/totp/sign-in.guard.ts is replaced.',
          `TOTP_DEMO_USER=${demoUser}`,
        ]),
  ];
}

/** A data source for an application that has none. */
export const SQLITE_MODULE = `TypeOrmModule.forRoot({
  type: 'better-sqlite3',
  database: 'app.sqlite',
  entities: [...TOTP_ENTITIES],
  migrations: [...TOTP_MIGRATIONS],
  migrationsRun: true,
})`;
