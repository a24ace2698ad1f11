import prettier from 'prettier';
import { checksOf, PAGE, testsOfChecks, withoutList, written } from './conformance-page.js';
import { problemsOf, read } from './documents.js';

const page = read(PAGE);
const checks = checksOf(page);

/** The checks: how many there are of each kind. */
const CHECKS = [
  ...Object.entries({ C: 7, W: 9, L: 9, S: 4, M: 6, U: 4, R: 6, O: 3, T: 3, D: 5 }).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, n) => `${kind}${String(n + 1)}`),
  ),
];

describe('the conformance page', () => {
  it('lists each check once, in order', () => {
    expect(checks.map(({ id }) => id)).toEqual(CHECKS);
  });

  it.each(checks)('says in a sentence what $id checks, and at least one test shows it', ({ id, check }) => {
    expect(check).toMatch(/\.$/);
    expect([...(testsOfChecks().get(id) ?? [])]).not.toEqual([]);
  });

  it('lists the tests that there are: run "npm run docs:conformance" after changing titles', async () => {
    const options = await prettier.resolveConfig(PAGE);
    expect(await prettier.format(written(page), { ...options, filepath: PAGE })).toBe(page);
  });

  it('no test names a check that the page does not list', () => {
    expect([...testsOfChecks().keys()].filter((id) => !CHECKS.includes(id))).toEqual([]);
  });

  it('names files and tests that exist', () => {
    expect(problemsOf(PAGE, withoutList(page))).toEqual([]);
  });
});

describe('a page that names tests', () => {
  const link = '[test/docs/conformance.spec.ts](../test/docs/conformance.spec.ts)';

  it.each([
    ['a title', `${link} “lists each check once, in order”`],
    ['a title with a placeholder', `${link} “is refused when it names %s”`],
    ['several titles', `${link} “names files and tests that exist”, “is accepted when it names %s”`],
    ['a file without tests', '[test/docs/documents.ts](../test/docs/documents.ts)'],
  ])('is accepted when it names %s', (_, markdown) => {
    expect(problemsOf(PAGE, markdown)).toEqual([]);
  });

  it.each([
    ['a title that does not exist', `${link} “lists each check twice”`],
    ['the title of a describe', `${link} “the conformance page”`],
    ['a right title and a wrong one', `${link} “lists each check once, in order”, “lists each check twice”`],
    ['a title in a file without tests', '[test/docs/documents.ts](../test/docs/documents.ts) “anything”'],
    ['a file that does not exist', '[test/docs/nothing.spec.ts](../test/docs/nothing.spec.ts) “anything”'],
    ['a file under the name of another', `[src/otp/code.spec.ts](../src/otp/secret.spec.ts) “begins with step 0”`],
  ])('is refused when it names %s', (_, markdown) => {
    expect(problemsOf(PAGE, markdown)).not.toEqual([]);
  });
});
