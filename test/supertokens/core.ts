/** A stand-in for SuperTokens' core, which is not on npm: it signs sessions, and answers what the SDK asks when TOTP is used. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The version of the interface that `supertokens-node` 24 speaks. */
const INTERFACE_VERSION = '5.4';
const KEY_ID = 'd-test';
const HOUR = 3_600;

export interface StubCore {
  readonly url: string;
  /** What it was asked and does not know. */
  readonly unknown: string[];
  /** The access token of a session that has the first factor only. */
  signIn(userId: string): string;
  close(): Promise<void>;
}

export async function startCore(): Promise<StubCore> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' };
  const unknown: string[] = [];
  const now = () => Math.floor(Date.now() / 1_000);

  function signed(payload: object): string {
    const header = { alg: 'RS256', kid: KEY_ID, typ: 'JWT', version: '5' };
    const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  }

  const answers: Record<string, (query: URLSearchParams, body: Record<string, unknown>) => object> = {
    'GET /apiversion': () => ({ versions: [INTERFACE_VERSION] }),
    'GET /.well-known/jwks.json': () => ({ keys: [jwk] }),
    'GET /public/recipe/multitenancy/tenant/v2': () => ({
      status: 'OK',
      tenantId: 'public',
      thirdParty: { providers: [] },
      firstFactors: ['emailpassword'],
      requiredSecondaryFactors: ['totp'],
      coreConfig: {},
    }),
    'GET /user/id': (query) => ({ status: 'OK', user: userOf(query.get('userId') ?? '') }),
    'GET /recipe/user/metadata': () => ({ status: 'OK', metadata: {} }),
    'POST /recipe/session/regenerate': (_, { accessToken, userDataInJWT }) => {
      const payload = { ...payloadOf(String(accessToken)), ...(userDataInJWT as object) };
      const { sub: userId, sessionHandle: handle, tId: tenantId } = payload as Record<string, unknown>;
      return {
        status: 'OK',
        session: { handle, userId, recipeUserId: userId, userDataInJWT, tenantId },
        accessToken: { token: signed(payload), expiry: (now() + HOUR) * 1_000, createdTime: now() * 1_000 },
      };
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://core');
    const chunks = (await request.toArray()) as Buffer[];
    const route = `${request.method ?? ''} ${pathname}`;
    const known = answers[route];
    if (known === undefined) unknown.push(route);
    const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
    response.writeHead(known === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known?.(searchParams, body) ?? {}));
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    unknown,
    signIn: (userId) =>
      signed({
        sub: userId,
        rsub: userId,
        tId: 'public',
        iat: now(),
        exp: now() + HOUR,
        sessionHandle: `handle of ${userId}`,
        refreshTokenHash1: '0'.repeat(64),
        parentRefreshTokenHash1: null,
        antiCsrfToken: null,
        'st-mfa': { c: { emailpassword: now() }, v: false },
      }),
    close: () =>
      new Promise((closed) => {
        server.close(() => {
          closed();
        });
        server.closeAllConnections();
      }),
  };
}

function payloadOf(token: string): object {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
}

function userOf(id: string): object {
  const timeJoined = 1_700_000_000_000;
  const email = `${id}@example.com`;
  const login = {
    recipeId: 'emailpassword',
    recipeUserId: id,
    tenantIds: ['public'],
    email,
    verified: true,
    timeJoined,
  };
  return {
    id,
    isPrimaryUser: false,
    tenantIds: ['public'],
    emails: [email],
    phoneNumbers: [],
    thirdParty: [],
    webauthn: { credentialIds: [] },
    loginMethods: [login],
    timeJoined,
  };
}
