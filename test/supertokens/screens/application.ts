/** An application with e-mail address and password, sessions of `express-session`, and the option `superTokens`. */
import { promisify } from 'node:util';
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import session from 'express-session';
import {
  type IssuerFunction,
  RequireTotp,
  type SignOutInput,
  superTokensCorsHeaders,
  SuperTokensFrontToken,
  SuperTokensSignOut,
  TotpGuard,
} from 'nestjs-totp';

declare module 'express-session' {
  interface SessionData {
    email: string;
  }
}

/** Takes the user from the session, where the sign-in put it. */
@Injectable()
class SignedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request & { user?: object }>();
    const { email } = request.session;
    if (email !== undefined) request.user = { id: email };
    return true;
  }
}

class EndSession extends SuperTokensSignOut {
  override signOut({ request }: SignOutInput): Promise<void> {
    const { session } = request as Request;
    return promisify(session.destroy.bind(session))();
  }
}

interface SignInForm {
  readonly formFields: readonly { readonly id: string; readonly value: string }[];
}

@Controller()
class Routes {
  constructor(@Inject(SuperTokensFrontToken) private readonly frontToken: SuperTokensFrontToken) {}

  @Post('auth/signin')
  @HttpCode(200)
  async signIn(
    @Body() { formFields }: SignInForm,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const [email = '', password] = ['email', 'password'].map((id) => formFields.find((one) => one.id === id)?.value);
    if (password !== PASSWORD) return { status: 'WRONG_CREDENTIALS_ERROR' };
    await promisify(request.session.regenerate.bind(request.session))();
    request.session.email = email;
    response.set(await this.frontToken.headersForSignIn({ userId: email }));
    return { status: 'OK', user: { id: email, emails: [email], loginMethods: [], tenantIds: ['public'] } };
  }

  @Post('payments')
  @UseGuards(SignedIn, TotpGuard)
  @RequireTotp({ maxAge: '5m' })
  pay() {
    return {};
  }
}

@Module({ controllers: [Routes] })
export class RoutesModule {}

/** Of everybody. */
export const PASSWORD = 'correct horse';

export const options = {
  issuer: ((): string => issuer.name) satisfies IssuerFunction,
  path: 'auth/totp',
  superTokens: {},
  guards: [SignedIn],
  providers: [{ provide: SuperTokensSignOut, useClass: EndSession }],
};

/** What the authenticator shows; a test may set it. */
export const issuer = { name: 'Acme' };

export function configure(frontEnd: string): (app: INestApplication) => void {
  return (app) => {
    app.enableCors({ origin: frontEnd, credentials: true, ...superTokensCorsHeaders() });
    app.use(session({ secret: 'of this test', resave: false, saveUninitialized: false }));
  };
}
