import { existsSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { databases } from './databases.js';

it('always tests on SQLite first', () => {
  expect(databases[0].name).toBe('SQLite');
});

describe.each(databases)('a test database on $name', ({ open }) => {
  it('is empty, apart from every other one, and gone after drop()', async () => {
    const first = await open();
    const second = await open();
    const a = await new DataSource(first.options).initialize();
    const b = await new DataSource(second.options).initialize();
    await a.query('CREATE TABLE only_here (id integer)');
    await expect(b.query('SELECT id FROM only_here')).rejects.toThrow();
    await expect(a.query('SELECT id FROM only_here')).resolves.toEqual([]);
    await Promise.all([a.destroy(), b.destroy()]);
    await Promise.all([first.drop(), second.drop()]);

    if (first.options.type === 'better-sqlite3') expect(existsSync(first.options.database)).toBe(false);
    else await expect(new DataSource(first.options).initialize()).rejects.toThrow();
  });
});
