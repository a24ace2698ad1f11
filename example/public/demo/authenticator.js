/** What an authenticator app does: it reads a key URI, and makes codes of its key. */
/* global crypto */

/** What a key URI says: the account, and how its codes are made. */
export function details(uri) {
  const { pathname, searchParams } = new URL(uri);
  const [, label] = /([^/]+)$/.exec(pathname);
  return {
    secret: searchParams.get('secret'),
    issuer: searchParams.get('issuer') ?? '',
    account: decodeURIComponent(label).replace(/^[^:]*:\s*/, ''),
    digits: Number(searchParams.get('digits') ?? 6),
    period: Number(searchParams.get('period') ?? 30),
    hash: { SHA1: 'SHA-1', SHA256: 'SHA-256', SHA512: 'SHA-512' }[searchParams.get('algorithm') ?? 'SHA1'],
  };
}

/** The code of a time step (RFC 6238 §4, RFC 4226 §5.3). */
export async function codeOf(uri, step) {
  const { secret, digits, hash } = details(uri);
  const key = await crypto.subtle.importKey('raw', fromBase32(secret), { name: 'HMAC', hash }, false, ['sign']);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter));
  const offset = mac.getUint8(mac.byteLength - 1) & 15;
  return String((mac.getUint32(offset) & 0x7f_ff_ff_ff) % 10 ** digits).padStart(digits, '0');
}

/** RFC 4648 §6. */
function fromBase32(text) {
  let bits = '';
  for (const letter of text) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0');
  return new Uint8Array(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}
