/** The site: README.md is the home page; the other pages are where they are in the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';

const PROJECT = join(import.meta.dirname, '../..');
const API_SIDEBAR = join(PROJECT, 'site/api/typedoc-sidebar.json');

const page = (text, path) => ({ text, link: `/${path}` });

export default defineConfig({
  title: 'nestjs-totp',
  description: 'A second factor for NestJS: TOTP with limits that are exact under concurrency, and events.',
  lang: 'en-GB',
  srcDir: '..',
  srcExclude: ['src/**', 'cli/**', 'test/**', 'schemas/**', 'coverage/**', '**/dist/**'],
  rewrites: {
    'README.md': 'index.md',
    'site/api/:page*': 'api/:page*',
  },
  cleanUrls: false,
  lastUpdated: false,
  markdown: {
    config(markdown) {
      markdown.core.ruler.push('repository-links', ({ env, tokens }) => {
        for (const { children } of tokens) rewriteLinks(children ?? [], env.relativePath ?? '');
      });
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [page('Start', ''), page('Options', 'docs/options'), page('Security', 'docs/security'), page('API', 'api/')],
    sidebar: {
      '/api/': [{ text: 'API reference', link: '/api/', items: apiSidebar() }],
      '/': [
        {
          text: 'Use',
          items: [
            page('Quick start', ''),
            page('Routes', 'docs/routes'),
            page('Sessions and the guard', 'docs/sessions'),
            page('Sign-ins', 'docs/sign-in'),
            page('Options', 'docs/options'),
            page('TotpService', 'docs/service'),
            page('When the phone is lost', 'docs/recovery'),
            page('Trusted browsers', 'docs/trusted-browsers'),
            page('Coming from SuperTokens', 'docs/supertokens'),
            page('Events', 'docs/events'),
          ],
        },
        {
          text: 'Adapt',
          items: [
            page('Overriding', 'docs/overriding'),
            page('Recipes', 'docs/recipes'),
            page('Testing', 'docs/testing'),
          ],
        },
        {
          text: 'Operate',
          items: [
            page('Database', 'docs/database'),
            page('Keys', 'docs/keys'),
            page('Importing authenticators', 'docs/import'),
            page('Metrics', 'docs/metrics'),
            page('Performance', 'docs/performance'),
          ],
        },
        {
          text: 'Trust',
          items: [
            page('Security', 'docs/security'),
            page('Conformance', 'docs/conformance'),
            page('Verification', 'docs/verification'),
            page('Mutation testing', 'docs/mutation-testing'),
            page('Reporting a vulnerability', 'SECURITY'),
          ],
        },
        {
          text: 'Contribute',
          items: [
            page('Contributing', 'CONTRIBUTING'),
            page('Architecture', 'docs/architecture'),
            page('Example', 'example/README'),
            page('Changelog', 'CHANGELOG'),
            page('API reference', 'api/'),
          ],
        },
      ],
    },
  },
});

/** TypeDoc names the entry points after their files. */
function apiSidebar() {
  if (!existsSync(API_SIDEBAR)) return [];
  const names = { index: 'nestjs-totp', testing: 'nestjs-totp/testing' };
  return JSON.parse(readFileSync(API_SIDEBAR, 'utf8')).map((entry) => ({
    ...entry,
    text: names[entry.text] ?? entry.text,
  }));
}

/**
 * Links in the pages are those of the repository. README.md is the site's index; files that are not pages, such as sources, lose their link:
 * the site does not have them, and package.json names no real repository yet.
 */
function rewriteLinks(tokens, from) {
  let isDropped = false;
  for (const token of tokens) {
    if (token.type === 'link_open') {
      const href = token.attrGet('href') ?? '';
      const isRootReadme = /^(\.\/|(\.\.\/)+)README\.md/.test(href) && !from.startsWith('api/');
      if (isRootReadme && !/^(example|bench)\//.test(from))
        token.attrSet('href', href.replace('README.md', 'index.md'));
      isDropped = !/^([a-z]+:|#)/.test(href) && !/\.md(#.*)?$/.test(href) && !href.startsWith('/');
    }
    if (isDropped && (token.type === 'link_open' || token.type === 'link_close')) {
      if (token.type === 'link_close') isDropped = false;
      token.type = 'html_inline';
      token.tag = '';
      token.content = '';
      token.nesting = 0;
      token.hidden = true;
    }
  }
}
