/** The port that stores when sessions completed TOTP, for sessions without storage of their own. */
export abstract class SessionCompletions {
  /** When the session completed TOTP, in epoch ms; undefined if it did not, or if its token expired before `now`. */
  abstract find(key: string, now: number): Promise<number | undefined>;

  /**
   * Stores a completion.
   *
   * @param userId the user of the session: `removeUser` deletes the completion
   * @param completedAt epoch ms
   * @param expiresAt epoch ms: when the completion may be deleted
   */
  abstract put(key: string, userId: string, completedAt: number, expiresAt: number): Promise<void>;
}
