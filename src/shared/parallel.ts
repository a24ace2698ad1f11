/** As many at a time as leave connections of the pool to sign-ins. */
const AT_A_TIME = 4;

/** Does a piece of work for each item, a few at a time, in the order of the items. What fails ends it. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  // A generator ends for all workers when one of them leaves its loop by throwing; an array's iterator does not.
  const waiting = (function* () {
    yield* items.entries();
  })();
  const workers = Array.from({ length: AT_A_TIME }, async () => {
    for (const [n, item] of waiting) results[n] = await work(item);
  });
  await Promise.all(workers);
  return results;
}
