/** Reads the signed-in user from `request.user`, where sign-in guards put it. */
import { type ExecutionContext, Logger } from '@nestjs/common';
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf, property } from '../shared/unknown.js';
import type { SessionIdentity, TotpSession } from './session.js';
import { TotpSessionAdapter } from './session-adapter.js';

/** The properties that may hold the user's id, in order of precedence. */
const ID_PROPERTIES = ['id', 'userId', 'sub'] as const;

const logger = new Logger('TotpModule');

/** The user that the sign-in guard found. */
export interface RequestUser extends Omit<SessionIdentity, 'handle'> {
  /** `request.user`. */
  readonly user: unknown;
}

/** The part that the module's adapters share: they read the user from `request.user`. */
export abstract class RequestUserSessionAdapter extends TotpSessionAdapter {
  private readonly warnings = new Set<string>();

  override async resolve(context: ExecutionContext): Promise<TotpSession | undefined> {
    const request = this.getRequest(context);
    const user = this.getUser(request);
    const userId = this.getUserId(user);
    if (userId !== undefined) return this.createSession(request, { user, userId, tenantId: this.getTenantId(user) });
    if (user !== undefined && user !== null) this.warnOnce(withoutId(user));
    else if (looksSignedIn(request)) this.warnOnce(SIGN_IN_GUARD_MISSING);
    return undefined;
  }

  /** Builds the session of a signed-in user. */
  protected abstract createSession(request: unknown, user: RequestUser): TotpSession | Promise<TotpSession>;

  protected getUser(request: unknown): unknown {
    return property(request, 'user');
  }

  /**
   * The user's id: the first of `id`, `userId` and `sub` that is present. Undefined is answered with 401.
   *
   * @throws TotpConfigurationError when that is neither a string nor a safe integer. The next property is not tried, because it
   * may be the id of someone else
   */
  protected getUserId(user: unknown): string | undefined {
    const name = ID_PROPERTIES.find((one) => property(user, one) !== undefined);
    if (name === undefined) return undefined;
    const id = property(user, name);
    if ((typeof id === 'string' && id !== '') || Number.isSafeInteger(id)) return String(id);
    throw new TotpConfigurationError(
      `TotpModule: request.user.${name} is ${kindOf(id)}. Let your sign-in guard set it to a string or a safe integer, or ` +
        'override getUserId(user) in your TotpSessionAdapter.',
    );
  }

  /**
   * The user's tenant: `tenantId`, or `public` for users without one.
   *
   * @throws TotpConfigurationError when `tenantId` is not a string
   */
  protected getTenantId(user: unknown): string {
    return optionalText(user, 'tenantId', 'request.user') ?? 'public';
  }

  /** Logged once per adapter: anonymous requests must not fill the log. */
  private warnOnce(warning: string): void {
    if (this.warnings.has(warning)) return;
    this.warnings.add(warning);
    logger.warn(warning);
  }
}

/**
 * A property that may be missing.
 *
 * @param where the name of the object in the error
 * @throws TotpConfigurationError when it is present but empty or not a string
 */
export function optionalText(of: unknown, name: string, where: string): string | undefined {
  const value = property(of, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new TotpConfigurationError(
    `TotpModule: ${where}.${name} is ${kindOf(value)}. Make it a non-empty string, or leave it out.`,
  );
}

function withoutId(user: unknown): string {
  const found = typeof user === 'object' && user !== null ? Object.keys(user).join(', ') : kindOf(user);
  return (
    `A request was answered with 401 because its request.user has none of ${ID_PROPERTIES.join(', ')} (it has: ` +
    `${found || 'no properties'}). Let your sign-in guard set request.user = { id: … }, or override getUserId(user) in your ` +
    'TotpSessionAdapter. This is logged once.'
  );
}

const SIGN_IN_GUARD_MISSING =
  'A request with an Authorization header or a session was answered with 401 because no guard had set request.user. If such ' +
  'requests are signed in, your sign-in guard runs too late or not at all. Write @UseGuards(SignInGuard, TotpGuard); for ' +
  'global guards, list { provide: APP_GUARD, useClass: SignInGuard } and then { provide: APP_GUARD, useExisting: TotpGuard } ' +
  "in the providers of one module; for the module's own routes, TotpModule.forRoot({ guards: [SignInGuard], … }). This is " +
  'logged once.';

/** Whether a request seems to be signed in: it has a token, or a session with more than plugins put into every session. */
function looksSignedIn(request: unknown): boolean {
  const headers = property(request, 'headers');
  if (property(headers, 'authorization') !== undefined) return true;
  if (property(headers, 'cookie') === undefined) return false;
  const session = property(request, 'session');
  if (typeof session !== 'object' || session === null) return true;
  return Object.keys(session).some((key) => key !== 'cookie' && key !== 'nestjs-totp');
}
