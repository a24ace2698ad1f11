/** People choose the names of their authenticators, so a name may hold anything, such as characters that reverse a line. */

/** Marks a name within a sentence (Unicode's FSI and PDI), so that pages can put it into a `<bdi>`. */
export function named(name: string): string {
  return `“\u2068${name.replaceAll(DIRECTION_CONTROLS, '')}\u2069”`;
}

/** A sentence for a terminal, without the marks. */
export function unmarked(sentence: string): string {
  return sentence.replaceAll(/[\u2068\u2069]/g, '');
}

/** Embeddings, overrides and isolates: they change the order of what follows, and are invisible. */
const DIRECTION_CONTROLS = /[\u202A-\u202E\u2066-\u2069]/g;
