/**
 * A stand-in for SuperTokens' core: it answers at once whatever `supertokens-node` asks of it when a code is checked, and has no
 * database, no rules and no codes. It signs one session per user beforehand, and hands the same token back when a new one is due.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { serve, settings } from './process.js';

/** The version of the interface that `supertokens-node` 24 speaks. */
const INTERFACE_VERSION = '5.4';
const KEY_ID = 'd-bench';
const TEN_YEARS = 315_360_000;

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' };
const now = Math.floor(Date.now() / 1000);

const answers = {
  'GET /apiversion': () => ({ versions: [INTERFACE_VERSION] }),
  'GET /.well-known/jwks.json': () => ({ keys: [key] }),
  'POST /public/recipe/totp/verify': () => ({ status: 'OK' }),
  'GET /public/recipe/multitenancy/tenant/v2': () => ({
    status: 'OK',
    tenantId: 'public',
    thirdParty: { providers: [] },
    firstFactors: ['emailpassword'],
    requiredSecondaryFactors: ['totp'],
    coreConfig: {},
  }),
  'GET /user/id': (query) => ({ status: 'OK', user: userOf(query.get('userId')) }),
  'GET /recipe/user/metadata': () => ({ status: 'OK', metadata: {} }),
  'GET /recipe/totp/device/list': () => ({
    status: 'OK',
    devices: [{ name: 'TOTP Device 0', period: 30, skew: 1, verified: true }],
  }),
  'POST /recipe/session/regenerate': (_, body) => ({
    status: 'OK',
    session: { handle: 'handle', userId: '', recipeUserId: '', userDataInJWT: {}, tenantId: 'public' },
    accessToken: { token: body.accessToken, expiry: (now + TEN_YEARS) * 1000, createdTime: now * 1000 },
  }),
};

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://core');
  const chunks = await request.toArray();
  const answer = answers[`${request.method} ${pathname}`];
  if (answer === undefined) console.error(`The stand-in for the core does not know ${request.method} ${request.url}`);
  const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer?.(searchParams, body) ?? {}));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
serve(
  {
    url: `http://127.0.0.1:${server.address().port}`,
    tokens: Array.from({ length: settings.users }, (_, n) => accessToken(`user-${n}`)),
  },
  { close: () => server.closeAllConnections() },
);

function userOf(id) {
  const loginMethod = {
    recipeId: 'emailpassword',
    recipeUserId: id,
    tenantIds: ['public'],
    email: `${id}@example.com`,
    verified: true,
    timeJoined: now * 1000,
  };
  return {
    id,
    isPrimaryUser: false,
    tenantIds: ['public'],
    emails: [loginMethod.email],
    phoneNumbers: [],
    thirdParty: [],
    webauthn: { credentialIds: [] },
    loginMethods: [loginMethod],
    timeJoined: now * 1000,
  };
}

/** The token of a session that has the first factor and needs the second. */
function accessToken(userId) {
  const header = { alg: 'RS256', kid: KEY_ID, typ: 'JWT', version: '5' };
  const payload = {
    sub: userId,
    rsub: userId,
    tId: 'public',
    iat: now,
    exp: now + TEN_YEARS,
    sessionHandle: `handle-${userId}`,
    refreshTokenHash1: '0'.repeat(64),
    parentRefreshTokenHash1: null,
    antiCsrfToken: null,
    'st-mfa': { c: { emailpassword: now }, v: false },
  };
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}
