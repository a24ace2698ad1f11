/** The example's settings from the environment; a wrong one is a sentence that says what to write. */
import { isIP } from 'node:net';

/** What a person can mend: it is printed without a stack. */
export class SettingError extends Error {}

export interface Settings {
  port: number;
  host: string;
  /** Express' `trust proxy`: the number of proxies in front, or their addresses. */
  trustProxy: number | string | undefined;
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    port: port(env.PORT),
    host: host(env.EXAMPLE_HOST),
    trustProxy: trustProxy(env.EXAMPLE_TRUST_PROXY),
  };
}

function host(value = ''): string {
  return value === '' ? 'localhost' : value;
}

function port(value = ''): number {
  if (value === '') return 3000;
  if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new SettingError(
    `PORT is “${value}”, which is not a port. Write a number from 0 to 65535: PORT=3000 npm start`,
  );
}

/** Never `true`: with that, every client could claim any address and HTTPS. */
function trustProxy(value = ''): number | string | undefined {
  if (value === '') return undefined;
  if (/^[1-9][0-9]?$/.test(value)) return Number(value);
  if (value.split(',').every(isAddress)) return value;
  throw new SettingError(
    `EXAMPLE_TRUST_PROXY is “${value}”. Write the number of proxies in front of the example, or their addresses: EXAMPLE_TRUST_PROXY=1`,
  );
}

/** An address, a network, or Express' name for one. */
function isAddress(value: string): boolean {
  const [address = '', bits = '0'] = value.split('/');
  return isIP(address) !== 0 ? /^[0-9]{1,3}$/.test(bits) : /^(loopback|linklocal|uniquelocal)$/.test(value);
}
