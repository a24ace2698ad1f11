/**
 * Finds words and phrases for which this project uses the term of the field, in comments, strings and pages. `npm run lint` runs it on
 * the whole repository, together with cspell, which checks the spelling. `node config/prose.js <files>` checks single files.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each with what to write instead. */
const FORBIDDEN = [
  [/\banew\b/i, 'again'],
  [/\bsuperfluous\b/i, 'no longer needed'],
  [/\bwhoever\b/i, 'anyone who'],
  [/\bbeside\b/i, 'next to'],
  [/\bQR pictures?\b/i, 'QR code'],
  [/\bblanks\b|\ba blank\b/i, 'spaces'],
  [/\b(tell|tells|told) of\b/i, 'report'],
  [/\bstands (there|here|in|under|for|still|beside)\b/i, 'is'],
  [/\bbelongs? into\b/i, 'belongs in'],
  [/\b(give|gives|given) back\b/i, 'return, restore'],
  [/\bcomes? again\b/i, 'is redelivered, is retried'],
  [/\bhears? of\b/i, 'is notified of'],
  [/\b(bring|brings|brought) along\b/i, 'import'],
  [/\bwhat came of\b/i, 'results'],
];

/** What holds no prose of this project's own. */
const IGNORED =
  /(^|\/)(node_modules|dist|coverage|fixtures|\.git|\.stryker-tmp|site\/api|\.vitepress\/cache)(\/|$)|(^|\/)(prose\.js|prose\.spec\.ts)$/;
const CHECKED = /\.(ts|js|cjs|mjs|md|eta)$/;

const named = process.argv.slice(2);
const files = named.length > 0 ? named : filesBelow('.');
let found = 0;
for (const file of files) {
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    for (const [pattern, instead] of FORBIDDEN) {
      const phrase = pattern.exec(line)?.[0];
      if (phrase === undefined) continue;
      found++;
      console.error(`${file}:${String(index + 1)} "${phrase}": write "${instead}"`);
    }
  }
}
if (found > 0) process.exitCode = 1;

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (IGNORED.test(path)) return [];
    if (entry.isDirectory()) return filesBelow(path);
    return CHECKED.test(entry.name) ? [path] : [];
  });
}
