/** Renders the templates of `views/`; what is put into them is escaped. */
import { basename, join } from 'node:path';
import { Eta } from 'eta';

export const viewsFolder = join(import.meta.dirname, '..', 'views');

const eta = new Eta({ views: viewsFolder, cache: true, autoTrim: [false, 'nl'] });

/** A template that is a part of a page. */
export function renderPart(name: string, data: object): string {
  return eta.render(`./${name}`, data);
}

/** What Express calls to render a page. */
export function renderPage(file: string, data: object, done: (error: unknown, html?: string) => void): void {
  try {
    done(null, renderPart(basename(file, '.eta'), data));
  } catch (error) {
    done(error);
  }
}
