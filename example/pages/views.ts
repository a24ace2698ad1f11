/** Renders the templates of `views/`; what is put into them is escaped. */
import { basename, join } from 'node:path';
import { Eta } from 'eta';

export const viewsFolder = join(import.meta.dirname, '..', 'views');

const eta = new Eta({ views: viewsFolder, cache: true, autoTrim: [false, 'nl'] });

/** A sentence as HTML: the names in it, which `named` marked, are isolated from the direction of the text around them. */
function sentence(text: string): string {
  const escaped = text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return escaped.replaceAll('\u2068', '<bdi>').replaceAll('\u2069', '</bdi>');
}

/** A wait for those who have no countdown, such as "15 minutes". */
function wait(ms: number): string {
  if (ms < 60_000) return counted(ms / 1000, 'second');
  return ms <= 7_140_000 ? counted(ms / 60_000, 'minute') : counted(ms / 3_600_000, 'hour');
}

function counted(amount: number, unit: string): string {
  const whole = Math.ceil(amount);
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`;
}

/** A day, such as `2026-11-26`. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** A time, such as `2026-11-26 14:05 UTC`. */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** A template that is a part of a page. */
export function renderPart(name: string, data: object): string {
  return eta.render(`./${name}`, { sentence, wait, moment, ...data });
}

/** What Express calls to render a page. */
export function renderPage(file: string, data: object, done: (error: unknown, html?: string) => void): void {
  try {
    done(null, renderPart(basename(file, '.eta'), data));
  } catch (error) {
    done(error);
  }
}
