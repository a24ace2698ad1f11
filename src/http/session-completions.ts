/** Where `TotpTokenSessionAdapter` remembers what tokens cannot; `storage/` keeps it in the database. */
export abstract class SessionCompletions {
  /** When the session completed TOTP, in epoch ms; undefined if it did not, or its token expired before `now`. */
  abstract find(key: string, now: number): Promise<number | undefined>;

  /**
   * @param completedAt epoch ms
   * @param expiresAt epoch ms: when it may be forgotten
   */
  abstract put(key: string, completedAt: number, expiresAt: number): Promise<void>;
}
