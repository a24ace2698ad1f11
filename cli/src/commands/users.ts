/** The CSV file that maps accounts to user ids. */
import { readCsv } from '../readers/rows.js';
import { BadUsage } from './bad-usage.js';

const COLUMNS = { required: [['account'], ['user_id']], optional: [], mayHaveOthers: false };

/** The user id of each account. An account with two users is refused: one of them would get the other's second factor. */
export function readUsers(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  const refusals = readCsv<undefined>(text, COLUMNS, ({ source, cell }) => {
    const [account, userId] = [cell('account') ?? '', cell('user_id') ?? ''];
    if (account === '' || userId === '') throw new BadUsage(`--users: ${source} has an empty cell.`);
    if ((users.get(account) ?? userId) !== userId) {
      throw new BadUsage(`--users: ${source} maps the account ${JSON.stringify(account)} to a second user.`);
    }
    users.set(account, userId);
  });
  const refusal = refusals.find((result) => result !== undefined);
  if (refusal !== undefined) throw new BadUsage(`--users: ${refusal.source} ${refusal.reason}.`);
  return users;
}
