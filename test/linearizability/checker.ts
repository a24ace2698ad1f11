/**
 * Decides whether a history of overlapping calls is linearizable: whether each call can have happened at one moment between its
 * beginning and its end, so that all answers are those of the calls made one after another in that order.
 *
 * The search is Wing and Gong's (Testing and Verifying Concurrent Objects, 1993), with Lowe's memory of what was tried
 * (Testing for Linearizability, 2017).
 */

/** A call of a history. */
export interface Event<Call> {
  readonly call: Call;
  /** Who made it: a process makes one call after another. */
  readonly process: number;
  /** By one clock for all processes. */
  readonly begun: number;
  readonly ended: number;
  /** As JSON; undefined when the caller got none, so that the call may have happened at any time after its beginning, or never. */
  readonly answer: string | undefined;
}

/** What a call does when nothing else happens. States are equal when their texts are. */
export type Specification<Call> = (
  state: string,
  call: Call,
) => Promise<{ readonly state: string; readonly answer: string }>;

/** @returns an order in which the calls can have happened; undefined when there is none */
export async function linearize<Call>(
  history: readonly Event<Call>[],
  initial: string,
  specification: Specification<Call>,
): Promise<readonly Event<Call>[] | undefined> {
  const tried = new Set<string>();

  async function search(state: string, left: readonly Event<Call>[]): Promise<readonly Event<Call>[] | undefined> {
    if (left.every(({ answer }) => answer === undefined)) return [];
    const key = `${left.map((event) => history.indexOf(event)).join()} ${state}`;
    if (tried.has(key)) return undefined;
    tried.add(key);
    // Nothing that began after another call had ended can have happened before it.
    const firstEnd = Math.min(...left.filter(({ answer }) => answer !== undefined).map(({ ended }) => ended));
    for (const event of left.filter(({ begun }) => begun <= firstEnd)) {
      const next = await specification(state, event.call);
      if (event.answer !== undefined && event.answer !== next.answer) continue;
      const rest = await search(
        next.state,
        left.filter((other) => other !== event),
      );
      if (rest !== undefined) return [event, ...rest];
    }
    return undefined;
  }

  return search(
    initial,
    history.toSorted((one, other) => one.ended - other.ended),
  );
}

/**
 * The shortest beginning of a history that is not linearizable: later calls may have begun in it, but none has ended.
 *
 * @returns undefined when the whole history is linearizable
 */
export async function counterexample<Call>(
  history: readonly Event<Call>[],
  initial: string,
  specification: Specification<Call>,
): Promise<readonly Event<Call>[] | undefined> {
  if ((await linearize(history, initial, specification)) !== undefined) return undefined;
  const ends = history.filter(({ answer }) => answer !== undefined).map(({ ended }) => ended);
  for (const end of ends.toSorted((one, other) => one - other)) {
    const beginning = history
      .filter(({ begun }) => begun <= end)
      .map((event) => (event.ended <= end ? event : { ...event, ended: Infinity, answer: undefined }));
    if ((await linearize(beginning, initial, specification)) === undefined) return beginning;
  }
  return history;
}
