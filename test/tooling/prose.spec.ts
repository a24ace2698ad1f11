/** The prose check of `npm run lint`: a forbidden word or a misspelling makes it fail. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync('prose-');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function check(command: readonly string[], text: string) {
  const file = join(folder, 'page.md');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, file], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the prose check', () => {
  it.each([
    ['The secret is sealed anew.', '"anew": write "again"'],
    ['Whoever asks gets a QR picture.', '"QR picture": write "QR code"'],
    ['The event tells of a lock.', '"tells of": write "report"'],
  ])('fails for the sentence "%s" and says what to write', (sentence, message) => {
    const { status, output } = check(['config/prose.js'], `# Page\n\n${sentence}\n`);
    expect(status).toBe(1);
    expect(output).toContain(`page.md:3 ${message}`);
  });

  it('passes for a page in the terms of the field', () => {
    expect(check(['config/prose.js'], 'The secret is encrypted again.\n')).toEqual({ status: 0, output: '' });
  });

  it('fails for a misspelt word', () => {
    // cspell:ignore acount
    const { status, output } = check(
      ['node_modules/cspell/bin.mjs', 'lint', '--config', 'config/cspell.json', '--no-progress'],
      'The acount has a colour.\n',
    );
    expect(status).toBe(1);
    expect(output).toContain('acount');
    expect(output).not.toContain('colour');
  });
});
