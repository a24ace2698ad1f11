/** The pages as a whole: links, llms.txt, the size of the README, the catalogue of events. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TOTP_EVENT_NAMES } from 'nestjs-totp';
import { ROOMS } from '../../config/rooms.js';
import { PROJECT, read, tableRows } from './documents.js';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'example/README.md',
  'bench/README.md',
  ...readdirSync(join(PROJECT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The targets of the links and images of a page, apart from those on other hosts. */
function localTargets(page: string): { readonly path: string; readonly anchor: string }[] {
  const withoutCode = read(page).replace(/^```[^]*?^```/gm, '');
  const inline = [...withoutCode.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|src(?:set)?="([^"]+)"/gm)];
  return inline
    .map(([, link, reference, image]) => link ?? reference ?? image ?? '')
    .filter((target) => !/^(https?|mailto):/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path: path === '' ? page : join(dirname(page), path), anchor };
    });
}

/** The anchors that GitHub and the site make of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

it.each(pages)('%s has no dead link', (page) => {
  const dead = localTargets(page).filter(
    ({ path, anchor }) =>
      !existsSync(join(PROJECT, path)) || (anchor !== '' && path.endsWith('.md') && !anchorsOf(path).includes(anchor)),
  );
  expect(dead).toEqual([]);
});

it('llms.txt names each page once, with a line about it, and nothing else', () => {
  const links = [...read('llms.txt').matchAll(/^- \[[^\]]+\]\(([^)]+)\): \S.*$/gm)].map(([, path = '']) => path);
  expect(links.toSorted()).toEqual(pages.filter((page) => page !== 'bench/README.md').toSorted());
  expect(read('llms.txt').match(/^- /gm)).toHaveLength(links.length);
});

it('the README is short, and begins with the two commands', () => {
  const readme = read('README.md');
  expect(Buffer.byteLength(readme)).toBeLessThan(8_000);
  const [, commands] = /```sh\n(.*?)```/s.exec(readme) ?? [];
  expect(commands).toMatch(/^npm ci && npm start .*\nnpm ci && npm test .*\n$/);
});

it('docs/events.md lists every event', () => {
  const named = tableRows(read('docs/events.md')).flatMap(
    ([name = '']) => /^`(totp\.[a-z.-]+)`$/.exec(name)?.[1] ?? [],
  );
  expect(named.toSorted()).toEqual([...TOTP_EVENT_NAMES].toSorted());
});

describe('docs/architecture.md', () => {
  const page = read('docs/architecture.md');

  it('lists every room', () => {
    const listed = [...page.matchAll(/^\| `([a-z/]+)\/` /gm)].map(([, room = '']) => room);
    const rooms = Object.keys(ROOMS).filter((room) => existsSync(join(PROJECT, 'src', room)));
    expect(listed.toSorted()).toEqual(rooms.toSorted());
  });

  it('names files and folders that exist', () => {
    const named = [...page.matchAll(/`(src\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });
});
