import { dirname, relative, resolve, sep } from 'node:path';

/**
 * The architecture as a lint rule: which room of `src/` may import which.
 *
 * A room is a folder of `src/`; `storage/sql` and `storage/tables` are rooms of their own, and so are the two files at the root.
 * Files of one room may import each other. A room lists only rooms above it in this table, so circles are impossible. Tests are
 * exempt.
 */
export const ROOMS = {
  shared: [],
  otp: ['shared'],
  accounts: ['otp'],
  secrets: ['accounts', 'otp', 'shared'],
  events: ['accounts', 'shared'],
  metrics: ['accounts', 'shared'],
  'storage/sql': ['shared'],
  'storage/tables': [],
  outbox: ['events', 'metrics', 'shared', 'storage/sql', 'storage/tables'],
  storage: ['accounts', 'events', 'otp', 'outbox', 'secrets', 'shared', 'storage/sql', 'storage/tables'],
  recipe: ['accounts', 'events', 'metrics', 'otp', 'secrets', 'shared', 'storage'],
  sessions: ['accounts', 'recipe', 'shared', 'storage'],
  http: ['accounts', 'recipe', 'sessions', 'shared'],
  supertokens: ['http', 'recipe', 'sessions', 'shared'],
  operations: ['accounts', 'recipe', 'secrets', 'shared', 'storage'],
  module: [
    'accounts',
    'events',
    'http',
    'metrics',
    'operations',
    'otp',
    'outbox',
    'recipe',
    'secrets',
    'sessions',
    'shared',
    'storage',
    'storage/sql',
    'supertokens',
  ],
  testing: ['accounts', 'events', 'otp', 'outbox', 'secrets', 'sessions', 'shared', 'storage'],
  schematics: ['shared'],
  'totp.module': ['http', 'module'],
  index: [
    'accounts',
    'events',
    'http',
    'metrics',
    'module',
    'operations',
    'otp',
    'outbox',
    'recipe',
    'secrets',
    'sessions',
    'shared',
    'storage',
    'supertokens',
    'totp.module',
  ],
};

/** Rooms that hold pure rules: no package, no framework, not even Node's own modules. */
const NO_PACKAGES = ['accounts'];

/** The room of a path below `src/`, such as `storage/sql/run.ts`. */
export function roomOf(path) {
  const [first, second, ...deeper] = path.split('/');
  if (second === undefined) return first.replace(/\.[jt]s$/, '');
  const nested = `${first}/${second}`;
  return deeper.length > 0 && nested in ROOMS ? nested : first;
}

const rule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      unlisted: '{{from}} is not a room. Move the file into a room, or list a new one in ROOMS in config/rooms.js.',
      room: '{{from}} may not import {{to}}. See ROOMS in config/rooms.js.',
      package: '{{from}} holds pure rules and imports no package.',
    },
  },
  create(context) {
    const src = resolve(context.cwd, 'src');
    const roomAt = (file) => roomOf(relative(src, file).split(sep).join('/'));
    const from = roomAt(context.filename);

    function check({ source }) {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      if (!source.value.startsWith('.')) {
        if (NO_PACKAGES.includes(from)) context.report({ node: source, messageId: 'package', data: { from } });
        return;
      }
      const to = roomAt(resolve(dirname(context.filename), source.value));
      if (to !== from && !ROOMS[from]?.includes(to)) {
        context.report({ node: source, messageId: 'room', data: { from, to } });
      }
    }

    return {
      Program(node) {
        if (!(from in ROOMS)) context.report({ node, messageId: 'unlisted', data: { from } });
      },
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
