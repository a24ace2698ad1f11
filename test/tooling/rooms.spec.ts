import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { roomOf, ROOMS, rooms } from '../../config/rooms.js';

const linter = new Linter({ configType: 'flat', cwd: process.cwd() });
const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'));

function problems(filename: string, code: string): string[] {
  const typescript = { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } };
  return linter
    .verify(code, [typescript, ...rooms], { filename })
    .filter(({ ruleId }) => ruleId === 'rooms/imports')
    .map(({ message }) => message);
}

function withImport(path: string, specifier: string): string[] {
  return problems(join('src', path), `import '${specifier}';\n${readFileSync(join('src', path), 'utf8')}`);
}

describe('the import rule of the rooms', () => {
  it.each(files)('finds nothing wrong with src/%s', (path) => {
    expect(problems(join('src', path), readFileSync(join('src', path), 'utf8'))).toEqual([]);
  });

  it('lists each room that src/ has, and no other', () => {
    expect(Object.keys(ROOMS).sort()).toEqual([...new Set(files.map(roomOf))].sort());
  });

  it('allows no circle: a room imports only rooms that are listed before it', () => {
    const names = Object.keys(ROOMS);
    for (const [room, imports] of Object.entries(ROOMS)) {
      for (const imported of imports) {
        expect([room, names.indexOf(imported)]).toEqual([room, expect.any(Number)]);
        expect(names.indexOf(imported)).toBeGreaterThanOrEqual(0);
        expect(names.indexOf(imported)).toBeLessThan(names.indexOf(room));
      }
    }
  });

  it('lists no import that no file makes', () => {
    const made = new Map(Object.keys(ROOMS).map((room) => [room, new Set<string>()]));
    for (const path of files) {
      const room = roomOf(path);
      for (const [, specifier = ''] of readFileSync(join('src', path), 'utf8').matchAll(
        /(?:from|import\() ?'(\.[^']+)'/g,
      )) {
        const imported = roomOf(join(path, '..', specifier).replaceAll('\\', '/'));
        if (imported !== room) made.get(room)?.add(imported);
      }
    }
    for (const [room, imports] of Object.entries(ROOMS))
      expect([room, imports]).toEqual([room, [...(made.get(room) ?? [])].sort()]);
  });

  it.each([
    ['accounts/verification.ts', '@nestjs/common'],
    ['accounts/verification.ts', 'node:crypto'],
    ['accounts/verification.ts', '../shared/errors.js'],
    ['accounts/verification.ts', '../secrets/key-ids.js'],
    ['otp/code.ts', '../accounts/account.js'],
    ['storage/sql/builder.ts', '../account-row.js'],
    ['storage/migrations/tables.ts', '../../recipe/totp.service.js'],
    ['events/publisher.ts', '../totp.module.js'],
    ['outbox/outbox.ts', '../storage/account-store.js'],
    ['recipe/totp.service.ts', '../http/totp.guard.js'],
    ['http/totp.controller.ts', '../outbox/outbox.js'],
    ['module/options.ts', '../totp.module.js'],
  ])('refuses src/%s an import of %s', (path, specifier) => {
    expect(withImport(path, specifier)).toEqual([expect.stringMatching(/may not import|imports no package/)]);
  });

  it.each([
    ['an export', "export * from '../storage/index.js';"],
    ['an import at run time', "await import('../storage/index.js');"],
  ])('refuses %s from a forbidden room as well', (_, code) => {
    expect(problems('src/secrets/key-ring.ts', code)).toEqual([expect.stringContaining('may not import storage')]);
  });

  it.each(['src/helpers.ts', 'src/helpers/text.ts', 'src/totp.guard.ts'])('refuses %s: it is in no room', (path) => {
    expect(problems(path, 'export const nothing = 0;')).toEqual([expect.stringContaining('is not a room')]);
  });

  it('lets a test import whatever it needs', () => {
    expect(problems('src/accounts/verification.spec.ts', "import fc from 'fast-check';")).toEqual([]);
  });
});
