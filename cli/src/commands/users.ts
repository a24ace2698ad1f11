/** The CSV file that maps accounts to user ids. */
import { readCsv } from '../readers/rows.js';
import type { TextInput } from '../readers/text.js';
import { BadUsage } from './bad-usage.js';

const COLUMNS = { required: [['account'], ['user_id']], optional: [], mayHaveOthers: false };

/** The user id of each account. An account with two users is refused: one of them would get the other's second factor. */
export async function readUsers(input: TextInput): Promise<ReadonlyMap<string, string>> {
  const users = new Map<string, string>();
  for await (const row of readCsv(input, COLUMNS, (one) => one)) {
    if ('reason' in row) throw new BadUsage(`--users: ${row.source} ${row.reason}.`);
    const { source, cell } = row;
    const [account, userId] = [cell('account') ?? '', cell('user_id') ?? ''];
    if (account === '' || userId === '') throw new BadUsage(`--users: ${source} has an empty cell.`);
    if ((users.get(account) ?? userId) !== userId) {
      throw new BadUsage(`--users: ${source} maps the account ${JSON.stringify(account)} to a second user.`);
    }
    users.set(account, userId);
  }
  return users;
}
