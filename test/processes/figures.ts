/** The results of each burst on each database, as a table. */
import type { AnyTotpEvent } from 'nestjs-totp';
import type { Volley } from './fleet.js';

const CHANGES: readonly AnyTotpEvent['name'][] = [
  'totp.code.accepted',
  'totp.device.created',
  'totp.device.verified',
  'totp.device.renamed',
  'totp.device.removed',
  'totp.recovery-codes.created',
  'totp.recovery-code.used',
  'totp.browser.trusted',
  'totp.browser.forgotten',
];

const events = ({ events }: Volley, ...names: readonly AnyTotpEvent['name'][]) =>
  events.filter(({ name }) => names.includes(name)).length;

const columns: Readonly<Record<string, (volley: Volley) => number>> = {
  accepted: (volley) => events(volley, ...CHANGES),
  'answered wrong': (volley) => events(volley, 'totp.code.rejected', 'totp.recovery-code.rejected'),
  replayed: (volley) => events(volley, 'totp.code.replayed'),
  'refused while locked': ({ answers }) => answers.filter(({ status }) => status === 'LIMIT_REACHED_ERROR').length,
  locks: (volley) => events(volley, 'totp.user.locked'),
  retries: ({ conflicts }) => conflicts,
  milliseconds: ({ milliseconds }) => Math.round(milliseconds),
};

export class Figures {
  private readonly volleys: { readonly burst: string; readonly database: string; readonly volley: Volley }[] = [];

  note(burst: string, database: string, volley: Volley): void {
    this.volleys.push({ burst, database, volley });
  }

  /** In Markdown: each figure is what it was in every run, or the least and the most. */
  table(): string {
    const bursts = new Set(this.volleys.map(({ burst }) => burst));
    const databases = new Set(this.volleys.map(({ database }) => database));
    const rows = [...bursts].flatMap((burst) => [...databases].map((database) => this.row(burst, database)));
    const head = ['burst', 'database', 'runs', ...Object.keys(columns)];
    return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  }

  private row(burst: string, database: string): string[] {
    const runs = this.volleys.filter((run) => run.burst === burst && run.database === database);
    const figures = Object.values(columns).map((count) => range(runs.map(({ volley }) => count(volley))));
    return [burst, database, String(runs.length), ...figures];
  }
}

function range(counts: readonly number[]): string {
  const [min, max] = [Math.min(...counts), Math.max(...counts)];
  return min === max ? String(min) : `${min}–${max}`;
}
