/** The file that tells whose the accounts in key URIs are. */
import { readCsv } from '../import/rows.js';
import { BadUsage } from './bad-usage.js';

const COLUMNS = { required: [['account'], ['user_id']], optional: [], mayHaveOthers: false };

/** The user id of each account. An account of two users would give one of them the other's second factor: that is refused. */
export function readUsers(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  const refusals = readCsv<undefined>(text, COLUMNS, ({ source, cell }) => {
    const [account, userId] = [cell('account') ?? '', cell('user_id') ?? ''];
    if (account === '' || userId === '') throw new BadUsage(`${source} of the users has an empty cell.`);
    if ((users.get(account) ?? userId) !== userId) {
      throw new BadUsage(`${source} of the users gives the account ${JSON.stringify(account)} to a second user.`);
    }
    users.set(account, userId);
  });
  const refusal = refusals.find((result) => result !== undefined);
  if (refusal !== undefined) throw new BadUsage(`${refusal.source} of the users ${refusal.reason}.`);
  return users;
}
