/**
 * Shows the account's events as they happen, and brings the rest of the page up to date with them.
 *
 * Browsers open about six HTTP/1.1 connections to a site, and each live stream takes one: a stream in each of many tabs would
 * leave none for the pages. So the tabs of a session share one. The tab that holds a lock is connected, and tells the others.
 */
/* global AbortController, BroadcastChannel, CustomEvent, document, EventSource, navigator */
import { refreshDevices } from './devices.js';
import { checkLock } from './lock.js';

const SHOWN = 30;

let watched;
let stop = () => undefined;

/** Follows the events of the session that the page belongs to; of none on a page without a list. */
export function watchEvents() {
  for (const time of document.querySelectorAll('.events time')) showTime(time);
  const session = document.querySelector('[data-watch]')?.dataset.watch;
  if (session === watched) return;
  stop();
  watched = session;
  if (session === undefined) stop = () => undefined;
  else stop = navigator.locks === undefined ? connectWhileVisible() : shareConnection(`events-${session}`);
}

function shareConnection(name) {
  const others = new BroadcastChannel(name);
  const leaving = new AbortController();
  let connection;
  others.addEventListener('message', ({ data }) => {
    if (data === 'what is new?') connection?.repeat();
    else show(data);
  });
  const tell = (news) => {
    show(news);
    others.postMessage(news);
  };
  const connected = () =>
    new Promise((ended) => {
      connection = connect(tell, ended);
      leaving.signal.addEventListener('abort', ended);
    }).finally(() => connection.close());
  navigator.locks.request(name, { signal: leaving.signal }, connected).catch(() => undefined);
  others.postMessage('what is new?');
  return () => {
    leaving.abort();
    others.close();
  };
}

/** Without locks, which browsers give only to pages over HTTPS and on localhost: hidden tabs are not connected. */
function connectWhileVisible() {
  let connection;
  const update = () => {
    connection?.close();
    connection = document.visibilityState === 'visible' ? connect(show, () => undefined) : undefined;
  };
  update();
  document.addEventListener('visibilitychange', update);
  return () => {
    document.removeEventListener('visibilitychange', update);
    connection?.close();
  };
}

/**
 * @param tell called with `{ state }` and `{ entry }`
 * @param ended called when the server refuses to go on: the session is over
 */
function connect(tell, ended) {
  const source = new EventSource('/events');
  let state = 'Connecting …';
  let entries = [];
  const become = (newState) => tell({ state: (state = newState) });
  source.addEventListener('open', () => become('Live'));
  source.addEventListener('error', () => {
    const isOver = source.readyState === EventSource.CLOSED;
    become(isOver ? 'Not live' : 'Connecting …');
    if (isOver) ended();
  });
  source.addEventListener('message', ({ data }) => {
    entries = [...entries, data].slice(-SHOWN);
    tell({ entry: data });
  });
  return {
    close: () => source.close(),
    /** For a tab that was opened after the events came in. */
    repeat: () => {
      for (const entry of entries) tell({ entry });
      tell({ state });
    },
  };
}

function show({ state, entry }) {
  const panel = document.querySelector('[data-watch]');
  if (panel === null) return;
  if (state !== undefined) {
    const place = panel.querySelector('[data-live]');
    if (place.textContent !== state) place.textContent = state;
  } else {
    add(panel.querySelector('[data-events]'), entry);
  }
}

function add(list, html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  const entry = template.content.firstElementChild;
  // On connecting, the server repeats the last events: those since the page was made are among them.
  if (list.querySelector(`[data-event="${entry.dataset.event}"]`) !== null) return;
  showTime(entry.querySelector('time'));
  entry.classList.add('event-new');
  list.prepend(entry);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  entry.dispatchEvent(new CustomEvent('account-event', { bubbles: true }));
  list.hidden = false;
  list.tabIndex = 0;
  document.querySelector('[data-events-empty]').hidden = true;

  const { name } = entry.dataset;
  if (name.startsWith('totp.device.')) refreshDevices();
  if (name === 'totp.user.locked' || name === 'totp.user.unlocked') checkLock();
}

function showTime(time) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString();
}
