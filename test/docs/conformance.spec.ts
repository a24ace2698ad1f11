import { namedTests, problemsOf, read, tableRows } from './documents.js';

const PAGE = 'docs/conformance.md';
const page = read(PAGE);

/** The checks: how many there are of each kind. */
const CHECKS = Object.entries({ C: 7, W: 9, L: 9, S: 4, M: 6, U: 4 }).flatMap(([kind, count]) =>
  Array.from({ length: count }, (_, n) => `${kind}${String(n + 1)}`),
);

const rows = tableRows(page)
  .map(([id = '', check = '', , shown = '']) => ({ id, check, shown }))
  .filter(({ id }) => /^[A-Z]\d+$/.test(id));

describe('the table of checks', () => {
  it('has each check once, in their order', () => {
    expect(rows.map(({ id }) => id)).toEqual(CHECKS);
  });

  it('names files and tests that exist', () => {
    expect(problemsOf(PAGE, page)).toEqual([]);
  });

  it.each(rows)('says of $id what is checked, and names a test or the reason why there is none', ({ check, shown }) => {
    expect(check).toMatch(/\.$/);
    if (!shown.startsWith('Not yet: ')) {
      expect(namedTests(shown)).not.toEqual([]);
      for (const { title } of namedTests(shown)) expect(title).not.toBe('');
    }
  });
});

describe('a page that names tests', () => {
  const link = '[test/docs/conformance.spec.ts](../test/docs/conformance.spec.ts)';

  it.each([
    ['a title', `${link} “has each check once, in their order”`],
    ['a title with a placeholder', `${link} “is found out when it names %s”`],
    ['several titles', `${link} “names files and tests that exist”, “is found right when it names %s”`],
    ['a file without tests', '[test/docs/documents.ts](../test/docs/documents.ts)'],
  ])('is found right when it names %s', (_, markdown) => {
    expect(problemsOf(PAGE, markdown)).toEqual([]);
  });

  it.each([
    ['a title that is not there', `${link} “has each check twice”`],
    ['no title', link],
    ['the title of a describe', `${link} “the table of checks”`],
    ['a right title and a wrong one', `${link} “has each check once, in their order”, “has each check twice”`],
    ['a title in a file without tests', '[test/docs/documents.ts](../test/docs/documents.ts) “anything”'],
    ['a file that is not there', '[test/docs/nothing.spec.ts](../test/docs/nothing.spec.ts) “anything”'],
    ['a file under the name of another', `[src/otp/code.spec.ts](../src/otp/secret.spec.ts) “begins with step 0”`],
  ])('is found out when it names %s', (_, markdown) => {
    expect(problemsOf(PAGE, markdown)).not.toEqual([]);
  });
});
