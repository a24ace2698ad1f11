/** The load of the rows over HTTP: JSON posted over connections that stay open, from the bench's own process. */
import { Pool } from 'undici';

export class Client {
  #pool;

  /** @param {number} connections as many as there are callers */
  constructor(url, connections = 16) {
    this.#pool = new Pool(url, { connections, pipelining: 1 });
  }

  /** @returns the answer's body, headers and status code; an error for anything but a 2xx */
  async post(path, body, headers = {}) {
    const response = await this.#pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.body.text();
    if (response.statusCode > 299) throw new Error(`POST ${path} was answered ${response.statusCode} ${text}`);
    return { body: JSON.parse(text), headers: response.headers };
  }

  close() {
    return this.#pool.close();
  }
}

/** The `Cookie` header of the cookies that an answer sets. */
export function cookiesOf({ headers }) {
  return [headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ');
}
