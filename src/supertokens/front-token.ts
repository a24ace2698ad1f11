/** The header `front-token`, from which SuperTokens' front ends learn that they are signed in and what the session lacks. */
import type { ExecutionContext } from '@nestjs/common';
import type { SessionContainer } from '../sessions/session.js';
import { SessionHeaders } from '../sessions/session-headers.js';
import type { TotpClock } from '../shared/clock.js';
import { TotpArgumentError } from '../shared/errors.js';
import type { SessionFactors, SessionToAsk } from './session-factors.js';

/** The header's value after a sign-out: the front end then forgets the session. */
export const REMOVED = 'remove';

/** The headers of an answer that signs a user in or refreshes a session. */
export interface FrontTokenHeaders extends Readonly<Record<string, string>> {
  readonly 'front-token': string;
}

/** A user who signs in. */
export interface SignedInUser {
  readonly userId: string;
  /** Default `'public'`. */
  readonly tenantId?: string;
}

/**
 * Makes the header `front-token`. The module sends it with its own answers and refusals; your sign-in sends it too, since without it
 * the front end does not know that the user is signed in.
 *
 * The front end reads the header only to show the right screen. It is not a credential, and nothing on the server reads it.
 *
 * @example
 * \@Post('auth/signin')
 * async signIn(@Body() body: SignInDto, @Res({ passthrough: true }) response: Response) {
 *   const user = await this.users.signIn(body);
 *   response.set(await this.frontToken.headersForSignIn({ userId: user.id })); // Fastify: reply.headers(…)
 *   return { status: 'OK', user };
 * }
 */
export class SuperTokensFrontToken extends SessionHeaders {
  /** @param refreshAfterMs after this time, the front end asks whether the session still exists */
  constructor(
    private readonly factors: SessionFactors,
    private readonly clock: TotpClock,
    private readonly refreshAfterMs: number,
  ) {
    super();
  }

  /**
   * The header for the answer of your sign-in.
   *
   * @returns an object with `front-token` alone, to be set as headers
   * @throws TotpArgumentError when `userId` is not a non-empty string
   */
  async headersForSignIn({ userId, tenantId = 'public' }: SignedInUser): Promise<FrontTokenHeaders> {
    if (typeof userId !== 'string' || userId === '') {
      throw new TotpArgumentError(
        'TotpModule: headersForSignIn() was called without a userId. Pass the id of the user who signs in.',
      );
    }
    return this.token({ userId, tenantId, completedAt: undefined });
  }

  override async headersFor(session: SessionContainer, context: ExecutionContext): Promise<FrontTokenHeaders> {
    const completedAt = await session.getCompletedAt();
    return this.token({ userId: session.getUserId(), tenantId: session.getTenantId(), completedAt }, context);
  }

  private async token(session: SessionToAsk, context?: ExecutionContext): Promise<FrontTokenHeaders> {
    const { completedAt, isSatisfied } = await this.factors.of(session, context);
    const now = this.clock.now();
    const content = {
      uid: session.userId,
      ate: now + this.refreshAfterMs,
      up: {
        sub: session.userId,
        tId: session.tenantId,
        // From these the front end learns by how much its own clock is off.
        iat: seconds(now),
        exp: seconds(now + this.refreshAfterMs),
        'st-mfa': { c: completedAt === undefined ? {} : { totp: seconds(completedAt) }, v: isSatisfied },
      },
    };
    return { 'front-token': Buffer.from(JSON.stringify(content)).toString('base64') };
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
