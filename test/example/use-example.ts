/** The example and a browser, for all tests of a `describe`; in each test, Ada has a window of her own, without cookies. */
import { type Browser, type BrowserContextOptions } from 'playwright-core';
import { launchBrowser, visit, type Visitor } from './browser.js';
import { Client } from './client.js';
import { type Keepsake, startKeepsake } from './keepsake.js';

export interface Example {
  readonly keepsake: Keepsake;
  readonly browser: Browser;
  readonly ada: Visitor;
}

/** @param settings of Ada's window */
export function useExample(settings: BrowserContextOptions = {}): Example {
  let keepsake: Keepsake | undefined;
  let browser: Browser | undefined;
  let ada: Visitor | undefined;

  beforeAll(async () => {
    [keepsake, browser] = await Promise.all([startKeepsake(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await keepsake?.stop();
  });
  beforeEach(async () => {
    ada = await visit(there(browser), there(keepsake).url, settings);
  });
  afterEach(async () => {
    expect(ada?.faults).toEqual([]);
    await ada?.leave();
  });

  return {
    get keepsake() {
      return there(keepsake);
    },
    get browser() {
      return there(browser);
    },
    get ada() {
      return there(ada);
    },
  };
}

/** The example without a browser, for all tests of a `describe`; in each test, Ada has just registered. */
export function useServer(): { readonly keepsake: Keepsake; readonly ada: Client } {
  let keepsake: Keepsake | undefined;
  let ada: Client | undefined;

  beforeAll(async () => {
    keepsake = await startKeepsake();
  });
  afterAll(async () => {
    await keepsake?.stop();
  });
  beforeEach(async () => {
    ada = await Client.register(there(keepsake));
  });

  return {
    get keepsake() {
      return there(keepsake);
    },
    get ada() {
      return there(ada);
    },
  };
}

function there<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('The example is there in tests and hooks only.');
  return part;
}
