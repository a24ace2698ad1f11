/** What the example needs of Express: views, static files, headers and sessions. `main.ts` and the tests call it. */
import { join } from 'node:path';
import { type NestExpressApplication } from '@nestjs/platform-express';
import session from 'express-session';
import { RequestLog } from './demo/request-log.js';
import { securityHeaders } from './pages/security-headers.js';
import { renderPage, viewsFolder } from './pages/views.js';
import { sameOrigin } from './sessions/same-origin.js';
import { sessionSecret } from './sessions/session-secret.js';
import { SESSION_COOKIE, SESSION_LIFETIME, SessionStore } from './sessions/session-store.js';

/** @param trustProxy Express' `trust proxy`: behind a proxy that ends TLS, cookies are `Secure` only with it */
export function configureApp(app: NestExpressApplication, trustProxy?: number | string): void {
  if (trustProxy !== undefined) app.set('trust proxy', trustProxy);
  app.disable('x-powered-by');
  app.engine('eta', renderPage);
  app.setViewEngine('eta');
  app.setBaseViewsDir(viewsFolder);
  app.use(securityHeaders);
  app.useStaticAssets(join(import.meta.dirname, 'public'), { prefix: '/assets/' });
  app.use(sameOrigin);
  app.use(
    session({
      name: SESSION_COOKIE,
      secret: sessionSecret(),
      store: app.get(SessionStore),
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: SESSION_LIFETIME },
    }),
  );
  app.use(app.get(RequestLog).middleware);
}
