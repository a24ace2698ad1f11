/** Lets the calls about one thing, in this process, go one after the other. */
export class Turns {
  /** The newest call about each thing that has one under way. */
  private readonly newest = new Map<unknown, Promise<unknown>>();

  async take<T>(thing: unknown, call: () => Promise<T>): Promise<T> {
    const before = this.newest.get(thing);
    const turn = before === undefined ? call() : before.then(call, call);
    this.newest.set(thing, turn);
    try {
      return await turn;
    } finally {
      if (this.newest.get(thing) === turn) this.newest.delete(thing);
    }
  }
}
