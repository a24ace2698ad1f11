/**
 * Lets the calls of one user in this process go one after the other. Side by side they would only make one another decide
 * again, and one user under attack would hold every connection of the pool. Between processes the commit's condition decides.
 */
export class Turns {
  /** The newest call of each user who has one under way. */
  private readonly newest = new Map<string, Promise<unknown>>();

  async take<T>(userId: string, call: () => Promise<T>): Promise<T> {
    const before = this.newest.get(userId) ?? Promise.resolve();
    const turn = before.then(call, call);
    this.newest.set(userId, turn);
    try {
      return await turn;
    } finally {
      if (this.newest.get(userId) === turn) this.newest.delete(userId);
    }
  }
}
