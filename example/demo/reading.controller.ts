/** Shows the docs and the source of this project, which the tour links to. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Controller, Get, NotFoundException, Param, Render } from '@nestjs/common';
import markdownIt from 'markdown-it';

const markdown = markdownIt();

/** Links within the docs lead to headings by their text. */
markdown.renderer.rules.heading_open = (tokens, index) => {
  const text = tokens[index + 1]?.content ?? '';
  const id = text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');
  return `<${tokens[index]?.tag ?? 'h2'} id="${markdown.utils.escapeHtml(id)}">`;
};

/** What is wider than the screen is scrolled, with the keyboard too. */
markdown.renderer.rules.table_open = () => '<div class="scrolls" tabindex="0"><table>';
markdown.renderer.rules.table_close = () => '</table></div>';
markdown.renderer.rules.fence = (tokens, index) =>
  `<pre tabindex="0"><code>${markdown.utils.escapeHtml(tokens[index]?.content ?? '')}</code></pre>`;

/** Only what is public anyway: nothing hidden, nothing of the data folder. */
const READABLE = /^(?:(?:docs|example|src|test)(?:\/[a-z][a-z0-9.-]*)+|README|CONTRIBUTING)\.(?:md|ts)$/u;

@Controller('read')
export class ReadingController {
  @Get('*path')
  @Render('reading')
  async read(@Param('path') path: string[]): Promise<object> {
    const file = path.join('/');
    if (!READABLE.test(file) || file.includes('..')) throw new NotFoundException();
    const text = await readFile(resolve(file), 'utf8').catch(() => undefined);
    if (text === undefined) throw new NotFoundException();
    return { file, title: file, html: file.endsWith('.md') ? markdown.render(text) : undefined, text };
  }
}
