/** Counts the wait of a lock down, and shows the form again when it is over; follows locks that begin or end elsewhere. */
/* global clearInterval, document, location, setInterval */

/** How often a page without live events asks whether codes are accepted, in milliseconds. */
const POLL = 15_000;

/** When each lock on the page ends, in epoch milliseconds of this browser. */
const ends = new Map();
let ticking;
let polling;

/** Starts the countdown of each lock that the server put into the page. */
export function countDown() {
  for (const notice of document.querySelectorAll('[data-locked]:not([hidden])')) {
    if (!ends.has(notice)) lock(notice, Number(notice.dataset.retryAfterMs));
  }
}

/** Asks the server whether codes are accepted. */
export async function checkLock() {
  const response = await fetch('/code/wait', { headers: { Accept: 'application/json' } }).catch(() => undefined);
  // The session has ended: the page leads to where the person can sign in.
  if (response?.status === 401) location.reload();
  if (!response?.ok) return;
  const { retryAfterMs } = await response.json();
  for (const notice of document.querySelectorAll('[data-locked]')) {
    if (retryAfterMs > 0) lock(notice, retryAfterMs);
    else if (!notice.hidden) unlock(notice);
  }
}

/** For the code page, which gets no events. */
export function pollLock() {
  clearInterval(polling);
  document.removeEventListener('visibilitychange', checkIfVisible);
  if (document.querySelector('[data-poll]') === null) return;
  polling = setInterval(checkIfVisible, POLL);
  document.addEventListener('visibilitychange', checkIfVisible);
}

function checkIfVisible() {
  if (document.visibilityState === 'visible') checkLock();
}

function lock(notice, forMs) {
  ends.set(notice, Date.now() + forMs);
  showEnd(notice, Date.now() + forMs);
  if (notice.hidden) {
    notice.hidden = false;
    const entry = entryOf(notice);
    if (entry !== undefined) {
      const hadFocus = entry.contains(document.activeElement);
      entry.hidden = true;
      clear(entry);
      if (hadFocus) notice.focus();
    }
  }
  announce(notice, `Too many wrong codes. You can try again in ${inWords(forMs)}.`);
  tick();
  ticking ??= setInterval(tick, 250);
}

function unlock(notice) {
  ends.delete(notice);
  const form = notice.closest('form');
  const hadFocus = document.activeElement === document.body || form?.contains(document.activeElement);
  notice.hidden = true;
  const entry = entryOf(notice);
  if (entry === undefined) return;
  entry.hidden = false;
  clear(entry);
  announce(notice, 'You can enter a code again.');
  if (hadFocus) entry.querySelector('input').focus();
}

function tick() {
  for (const [notice, end] of ends) {
    if (!notice.isConnected) ends.delete(notice);
    else if (end <= Date.now()) unlock(notice);
    else notice.querySelector('[data-countdown]').textContent = onClock(end - Date.now());
  }
}

function showEnd(notice, end) {
  const isFar = end - Date.now() > 12 * 60 * 60 * 1000;
  const time = { hour: '2-digit', minute: '2-digit', ...(isFar ? { day: 'numeric', month: 'long' } : {}) };
  notice.querySelector('[data-until]').textContent = ` (at ${new Date(end).toLocaleString([], time)})`;
}

function entryOf(notice) {
  return notice.closest('form')?.querySelector('[data-entry]') ?? undefined;
}

function clear(entry) {
  const input = entry.querySelector('input');
  input.value = '';
  input.ariaInvalid = null;
  entry.querySelector('[data-error]').textContent = '';
}

function announce(notice, message) {
  const place = notice.closest('form')?.querySelector('[data-announce]');
  if (place && place.textContent !== message) place.textContent = message;
}

/** `4:59`, or `23:04:59`. */
function onClock(ms) {
  const seconds = Math.ceil(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function inWords(ms) {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 120) return `about ${minutes} minute${minutes === 1 ? '' : 's'}`;
  return `about ${Math.round(minutes / 60)} hours`;
}
