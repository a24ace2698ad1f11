/** Events that wait for another try wait by the database's clock, which a test cannot set. */
import type { INestApplicationContext } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Makes every event due that waits for another try. */
export async function endRetryWaits(app: INestApplicationContext): Promise<void> {
  await app.get(DataSource).query('UPDATE totp_outbox SET due_at = 0 WHERE due_at IS NOT NULL');
}
