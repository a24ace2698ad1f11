/** Finds the name that was probably meant when a name is misspelt. */

/** The name closest to what was written, by at most two letters and ignoring case; undefined if no name is that close. */
export function closestName(written: string, names: readonly string[]): string | undefined {
  const wanted = written.toLowerCase();
  const [nearest] = names
    .map((name) => ({ name, letters: distance(wanted, name.toLowerCase()) }))
    .filter(({ letters }) => letters <= 2)
    .sort((one, other) => one.letters - other.letters);
  return nearest?.name;
}

/** The Levenshtein distance: how many letters to insert, delete or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (const [n, letter] of Array.from(from).entries()) {
    const next = [n + 1];
    for (const [m, other] of Array.from(to).entries()) {
      const replaced = (row[m] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[m + 1] ?? 0) + 1, (next[m] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
