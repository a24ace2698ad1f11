/** A real Redis. */
import { createClient, type RedisClientType } from 'redis';

const REDIS_URL = process.env.TOTP_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

/** `describe` for tests that need Redis: skipped where it is missing, unless everything must be there. */
export const describeWithRedis = (await isThere()) ? describe : describe.skip;

export async function connectRedis(): Promise<RedisClientType> {
  const client: RedisClientType = createClient({ url: REDIS_URL, socket: { reconnectStrategy: false } });
  await client.connect();
  return client;
}

async function isThere(): Promise<boolean> {
  try {
    await (await connectRedis()).close();
    return true;
  } catch (error) {
    const why = 'no Redis. Start it on 127.0.0.1, or set TOTP_TEST_REDIS_URL=redis://host:port.';
    if (process.env.TOTP_TEST_REQUIRE_ALL === '1') throw new Error(why, { cause: error });
    console.warn(`Tests skipped: ${why}`);
    return false;
  }
}
