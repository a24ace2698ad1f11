/** The partitions of the outbox: one destination × one sixteenth of the users. */

/** The first digit of a user's row id, which distributes users evenly over partitions. */
const DIGITS = Array.from({ length: 16 }, (_, n) => n.toString(16));

export function partitionsOf(destination: string): string[] {
  return DIGITS.map((digit) => `${destination}:${digit}`);
}

/** @param account the id of the user's row in `totp_accounts` */
export function partitionOf(destination: string, account: string): string {
  return `${destination}:${account.charAt(0)}`;
}

export function destinationOf(partition: string): string {
  return partition.split(':', 1)[0] ?? '';
}
