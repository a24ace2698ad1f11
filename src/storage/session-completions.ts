/** The port that keeps when sessions completed TOTP, for sessions that have no storage of their own. */
export abstract class SessionCompletions {
  /** When the session completed TOTP, in epoch ms; undefined if it did not, or if its token expired before `now`. */
  abstract find(key: string, now: number): Promise<number | undefined>;

  /**
   * Stores a completion.
   *
   * @param userId whose session it is: `removeUser` deletes the completion
   * @param completedAt epoch ms
   * @param expiresAt epoch ms: when the completion may be deleted
   */
  abstract put(key: string, userId: string, completedAt: number, expiresAt: number): Promise<void>;
}
