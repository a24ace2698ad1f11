/** A person without a browser: the example's forms, cookies and live events over `fetch`. */
import { randomBytes } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import { type Keepsake } from './keepsake.js';
import { PASSWORD } from './people.js';

export class Client {
  cookie = '';

  private constructor(
    private readonly keepsake: Keepsake,
    readonly email: string,
  ) {}

  static async register(keepsake: Keepsake): Promise<Client> {
    const client = new Client(keepsake, `ada-${randomBytes(4).toString('hex')}@example.com`);
    await client.send('/register', { email: client.email, password: PASSWORD });
    return client;
  }

  /** The same person in another browser, who has given the password. */
  async elsewhere(): Promise<Client> {
    const client = new Client(this.keepsake, this.email);
    await client.send('/sign-in', { email: this.email, password: PASSWORD });
    return client;
  }

  /** The same browser, when the example was started again. */
  at(keepsake: Keepsake): Client {
    const client = new Client(keepsake, this.email);
    client.cookie = this.cookie;
    return client;
  }

  /** Confirms an authenticator. Returns its key. */
  async enrol(deviceName: string, now = this.keepsake.clock.now()): Promise<string> {
    const page = await (await this.send('/security/add', { deviceName })).text();
    const secret = /secret=([A-Z2-7]+)/.exec(page)?.[1] ?? '';
    await this.send('/security/confirm', { deviceName, totp: totpCode(secret, now) });
    return secret;
  }

  async send(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await fetch(this.keepsake.url + path, {
      method: 'POST',
      headers: { origin: this.keepsake.url, cookie: this.cookie, ...headers },
      body: new URLSearchParams(fields),
      redirect: 'manual',
    });
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return response;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.keepsake.url + path, { headers: { cookie: this.cookie, ...headers }, redirect: 'manual' });
  }

  /** Connects to the live events. `closed` resolves to everything that came, when the server has ended the stream. */
  async watch(): Promise<{ status: number; closed: Promise<string>; leave: () => void }> {
    const leaving = new AbortController();
    const response = await fetch(`${this.keepsake.url}/events`, {
      headers: { cookie: this.cookie, accept: 'text/event-stream' },
      signal: leaving.signal,
    });
    const closed = response.text();
    closed.catch(() => undefined);
    return {
      status: response.status,
      closed,
      leave: () => {
        leaving.abort();
      },
    };
  }
}
