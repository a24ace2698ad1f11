/** `supertokens-node` with its TOTP recipe on Express, as its documentation sets it up, over a core at the given address. */
import express from 'express';
import supertokens from 'supertokens-node';
import { errorHandler, middleware } from 'supertokens-node/framework/express/index.js';
import EmailPassword from 'supertokens-node/recipe/emailpassword/index.js';
import MultiFactorAuth from 'supertokens-node/recipe/multifactorauth/index.js';
import Session from 'supertokens-node/recipe/session/index.js';
import TOTP from 'supertokens-node/recipe/totp/index.js';
import { serve, settings } from './process.js';

supertokens.init({
  framework: 'express',
  supertokens: { connectionURI: settings.core },
  appInfo: { appName: 'Bench', apiDomain: 'http://localhost', websiteDomain: 'http://localhost' },
  recipeList: [EmailPassword.init(), Session.init(), MultiFactorAuth.init(), TOTP.init()],
  telemetry: false,
});

const app = express();
app.use(middleware());
app.use(errorHandler());
const server = app.listen(0, '127.0.0.1', () => {
  serve({ url: `http://127.0.0.1:${server.address().port}` }, { close: () => server.closeAllConnections() });
});
