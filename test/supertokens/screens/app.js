/**
 * A front end with SuperTokens' pre-built screens, unmodified: sign-in, factor chooser and TOTP. Its own page is the one that a signed-in
 * user sees at `/`.
 */
import { createElement as h, useState } from 'react';
import { createRoot } from 'react-dom/client';
import SuperTokens, { SuperTokensWrapper } from 'supertokens-auth-react';
import EmailPassword from 'supertokens-auth-react/recipe/emailpassword';
import { EmailPasswordPreBuiltUI } from 'supertokens-auth-react/recipe/emailpassword/prebuiltui';
import MultiFactorAuth from 'supertokens-auth-react/recipe/multifactorauth';
import { MultiFactorAuthPreBuiltUI } from 'supertokens-auth-react/recipe/multifactorauth/prebuiltui';
import Session, { SessionAuth, signOut, useSessionContext } from 'supertokens-auth-react/recipe/session';
import TOTP from 'supertokens-auth-react/recipe/totp';
import { TOTPPreBuiltUI } from 'supertokens-auth-react/recipe/totp/prebuiltui';
import { canHandleRoute, getRoutingComponent } from 'supertokens-auth-react/ui';

/* global document, window */
const { apiDomain } = document.body.dataset;

SuperTokens.init({
  appInfo: { appName: 'Acme', apiDomain, websiteDomain: window.location.origin },
  disableAuthRoute: false,
  recipeList: [
    EmailPassword.init(),
    MultiFactorAuth.init({ firstFactors: ['emailpassword'] }),
    TOTP.init(),
    Session.init(),
  ],
});

const screens = [EmailPasswordPreBuiltUI, MultiFactorAuthPreBuiltUI, TOTPPreBuiltUI];

function Home() {
  const session = useSessionContext();
  const [paid, setPaid] = useState('');
  if (session.loading) return null;
  const button = (label, onClick) => h('button', { onClick }, label);
  const pay = async () => {
    const response = await fetch(`${apiDomain}/payments`, { method: 'POST' });
    if (response.status === 403) return MultiFactorAuth.redirectToFactor({ factorId: 'totp', stepUp: true });
    return setPaid(`Paid: ${response.status}`);
  };
  return h(
    'main',
    null,
    h('h1', null, `Signed in as ${session.userId}`),
    button('Add an authenticator', () => MultiFactorAuth.redirectToFactor({ factorId: 'totp', forceSetup: true })),
    button('Choose a factor', () => MultiFactorAuth.redirectToFactorChooser({ stepUp: true })),
    button('Pay', pay),
    button('Sign out', async () => {
      await signOut();
      await SuperTokens.redirectToAuth();
    }),
    h('output', null, paid),
  );
}

function App() {
  return canHandleRoute(screens) ? getRoutingComponent(screens) : h(SessionAuth, null, h(Home));
}

createRoot(document.getElementById('root')).render(h(SuperTokensWrapper, null, h(App)));
