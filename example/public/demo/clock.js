/** The demo's clock as this browser knows it, and the buttons that step it. */
/* global document, FormData, localStorage, location, setInterval, URLSearchParams */
import { checkLock } from '../lock.js';

const STORED = 'keepsake-demo-ahead';

setInterval(showClock, 500);

/** The time by the server's clock, in epoch ms. Tabs share how far it is ahead, so that a step in one reaches all. */
export function serverNow() {
  return Date.now() + Number(localStorage.getItem(STORED));
}

/** Called with each new page, which has the time at which it was made. */
export function readClock() {
  const place = document.querySelector('[data-demo]');
  if (place === null) return;
  localStorage.setItem(STORED, String(Number(place.dataset.now) - Date.now()));
  showClock();
}

function showClock() {
  const place = document.querySelector('[data-clock]');
  if (place !== null) place.textContent = new Date(serverNow()).toLocaleTimeString();
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  // Other pages are sent with the form. This one shows what is shown only once, so it stays.
  if (form.dataset.clockForm === undefined || document.querySelector('[data-keep]') === null) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const response = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'application/json' } }).catch(
    () => undefined,
  );
  if (!response?.ok) {
    location.reload();
    return;
  }
  const { now } = await response.json();
  localStorage.setItem(STORED, String(now - Date.now()));
  showClock();
  checkLock();
});
