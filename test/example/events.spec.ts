/** Who is shown an account's events, and for how long. */
import { type Browser } from 'playwright-core';
import { totpCode } from 'nestjs-totp/testing';
import { DataSource } from 'typeorm';
import { SessionEntity } from '../../example/sessions/session.entity.js';
import { describeInBrowser, launchBrowser, visit } from './browser.js';
import { type Keepsake, startKeepsake } from './keepsake.js';
import { register } from './people.js';
import { useServer } from './use-example.js';

describe("the example's live events", () => {
  const server = useServer();

  it('are shown to a session that gave only the password as long as there is no authenticator', async () => {
    const stream = await server.ada.watch();
    expect(stream.status).toBe(200);
    stream.leave();
    expect(await (await server.ada.get('/security')).text()).toContain('data-watch');
  });

  it('are refused to a session that gave only the password once there is an authenticator', async () => {
    await server.ada.enrol('Phone');
    const thief = await server.ada.elsewhere();
    const stream = await thief.watch();
    expect(stream.status).toBe(403);
    expect(await stream.closed).not.toContain('Phone');
    const page = await (await thief.get('/code')).text();
    expect(page).toContain('Enter your code');
    expect(page).not.toContain('data-watch');
    expect(page).not.toContain('Phone');
    const elsewhere = await thief.get('/security/devices', { accept: 'text/html' });
    expect([elsewhere.status, elsewhere.headers.get('location')]).toEqual([303, '/code?next=%2Fsecurity']);
  });

  it('are shown after the code', async () => {
    const key = await server.ada.enrol('Phone');
    server.keepsake.clock.advance(30);
    const again = await server.ada.elsewhere();
    await again.send('/code', { totp: totpCode(key, server.keepsake.clock.now()) });
    const stream = await again.watch();
    expect(stream.status).toBe(200);
    stream.leave();
  });

  it('end for a session that gave only the password when an authenticator is confirmed elsewhere', async () => {
    const watcher = await server.ada.elsewhere();
    const stream = await watcher.watch();
    await server.ada.enrol('Phone');
    const seen = await stream.closed;
    expect(seen).toContain('totp.device.created');
    expect(seen).not.toContain('totp.device.verified');
    expect((await watcher.watch()).status).toBe(403);
  });

  it('end when the session signs out', async () => {
    const stream = await server.ada.watch();
    await server.ada.send('/sign-out');
    await stream.closed;
    expect((await server.ada.watch()).status).toBe(401);
  });

  it('end when the session gets a new id, so that the browser asks with the new one', async () => {
    const stream = await server.ada.watch();
    await server.ada.enrol('Phone');
    await stream.closed;
    const again = await server.ada.watch();
    expect(again.status).toBe(200);
    again.leave();
  });

  it('end when the session expires, before the next event is shown', async () => {
    const watcher = await server.ada.elsewhere();
    const stream = await watcher.watch();
    const sessions = server.keepsake.get(DataSource).getRepository(SessionEntity);
    const rows = await sessions.find();
    const watching = rows.filter(({ data }) => data.userId === rows.at(-1)?.data.userId);
    for (const row of watching) await sessions.update({ id: row.id }, { expiresAt: Date.now() - 1 });
    const other = await server.ada.elsewhere();
    await other.send('/security/add', { deviceName: 'Phone' });
    expect(await stream.closed).not.toContain('Phone');
    expect((await watcher.watch()).status).toBe(401);
  });

  it('say of a replayed code no more than the form does', async () => {
    const key = await server.ada.enrol('Phone');
    await server.ada.send('/code', { totp: totpCode(key, server.keepsake.clock.now()), next: '/vault' });
    const other = await server.ada.elsewhere();
    await other.send('/code', { totp: totpCode(key, server.keepsake.clock.now()) });
    const form = await (await other.get('/code')).text();
    expect(form).toContain('This code is wrong, or was used before.');
    const stream = await server.ada.watch();
    await server.ada.send('/sign-out');
    const events = await stream.closed;
    expect(events).toContain('A code was refused: it was wrong, or was used before.');
    expect(events).not.toContain('had been used');
  });
});

describeInBrowser('the example in many tabs', () => {
  let keepsake: Keepsake;
  let browser: Browser;

  beforeAll(async () => {
    [keepsake, browser] = await Promise.all([startKeepsake(), launchBrowser()]);
  });

  afterAll(async () => {
    await browser.close();
    await keepsake.stop();
  });

  it('works in seven tabs, which share one live connection and all show what happens', async () => {
    const ada = await visit(browser, keepsake.url);
    await register(ada.page);
    const tabs = [ada.page];
    while (tabs.length < 7) {
      const tab = await ada.page.context().newPage();
      await tab.goto('/security');
      tabs.push(tab);
    }
    for (const tab of tabs) await tab.getByText('Live', { exact: true }).waitFor();

    const last = tabs[6] ?? ada.page;
    await last.getByRole('textbox', { name: 'Name (optional)' }).fill('Phone');
    await last.getByRole('button', { name: 'Add', exact: true }).click();
    await last.getByRole('heading', { name: 'Set up “Phone”' }).waitFor();
    for (const tab of tabs) await tab.getByText('“Phone” was added.').waitFor();
    for (const tab of tabs.slice(0, 6)) await tab.locator('[data-devices]').getByText('Not confirmed yet.').waitFor();

    // The tab that was connected goes, and another one takes over.
    await ada.page.close();
    await last.goto('/security');
    await last.getByRole('textbox', { name: 'Name (optional)' }).fill('Tablet');
    await last.getByRole('button', { name: 'Add', exact: true }).click();
    for (const tab of tabs.slice(1)) await tab.getByText('“Tablet” was added.').waitFor();
    expect(ada.faults).toEqual([]);
    await last.context().close();
  });
});
