/** Brings the list of authenticators up to date when it has changed elsewhere, without losing what a person is typing. */
/* global document, DOMParser */
import { countDown } from './lock.js';

let latest = 0;

export async function refreshDevices() {
  if (document.getElementById('devices') === null) return;
  const call = ++latest;
  const response = await fetch('/security/devices').catch(() => undefined);
  if (!response?.ok || response.redirected) return;
  const html = await response.text();
  const list = document.getElementById('devices');
  // A later event has asked again, or the page is another one by now.
  if (call !== latest || list === null) return;

  const focused = document.activeElement?.id;
  const isOpen = new Set([...list.querySelectorAll('details[open]')].map(({ id }) => id));
  const typed = new Map([...list.querySelectorAll('details[open] input[id]')].map(({ id, value }) => [id, value]));
  list.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
  for (const details of list.querySelectorAll('details')) details.open = isOpen.has(details.id);
  for (const [id, value] of typed) {
    const input = document.getElementById(id);
    if (input !== null) input.value = value;
  }
  for (const button of list.querySelectorAll('[data-close]')) button.hidden = false;
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  countDown();
}
