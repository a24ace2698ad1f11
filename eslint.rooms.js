import { dirname, relative, resolve, sep } from 'node:path';

/**
 * Who may import whom in `src/`: the architecture, as a lint rule.
 *
 * A room is a folder of `src/` or a file directly in it. Files of one room may import each other. A room that is not
 * listed may import every room but those of `SEES_ALL`. Tests are exempt.
 */
const SHARED = ['totp.errors', 'totp.options', 'totp.clock'];
const RECIPE = ['totp.recipe', 'totp.directory', 'totp.override', ...SHARED];
const MAY_IMPORT = {
  accounts: [],
  otp: ['accounts', ...SHARED],
  secrets: ['accounts', ...SHARED],
  storage: ['accounts', 'events', 'totp.turns', 'totp.parallel', ...SHARED],
  events: ['accounts', 'totp.parallel', 'totp.metrics', ...SHARED],
  import: ['accounts', 'otp', 'totp.errors', 'totp.options'],
  'totp.service': [
    'accounts',
    'otp',
    'secrets',
    'storage',
    'events',
    'totp.turns',
    'totp.parallel',
    'totp.metrics',
    ...RECIPE,
  ],
  http: ['totp.service', 'accounts', ...RECIPE],
};
/** Rooms that hold pure rules: no package, no framework, not even Node's own modules. */
const NO_PACKAGES = ['accounts'];
/** The wiring sees every room; only these rooms see the wiring. */
const WIRING = 'totp.module';
const SEES_ALL = [WIRING, 'index', 'testing', 'cli'];

const rule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      room: '{{from}} may not import {{to}}. See MAY_IMPORT in eslint.rooms.js.',
      package: '{{from}} holds pure rules and imports no package.',
    },
  },
  create(context) {
    const src = resolve(context.cwd, 'src');
    const roomOf = (file) =>
      relative(src, file)
        .split(sep)[0]
        .replace(/\.[jt]s$/, '');
    const from = roomOf(context.filename);

    function check({ source }) {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      if (!source.value.startsWith('.')) {
        if (NO_PACKAGES.includes(from)) context.report({ node: source, messageId: 'package', data: { from } });
        return;
      }
      const to = roomOf(resolve(dirname(context.filename), source.value));
      if (to === from || SEES_ALL.includes(from)) return;
      const allowed = MAY_IMPORT[from]?.includes(to) ?? !SEES_ALL.includes(to);
      if (!allowed) context.report({ node: source, messageId: 'room', data: { from, to } });
    }

    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

/** @type {import('eslint').Linter.Config[]} */
export const rooms = [
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    plugins: { rooms: { rules: { imports: rule } } },
    rules: { 'rooms/imports': 'error' },
  },
];
