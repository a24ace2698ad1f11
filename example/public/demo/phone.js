/**
 * The demo phone: an authenticator app in this browser, so that nobody needs one to try the demo. Its keys never go back to the
 * server. An application has no such thing: the second factor has to be somewhere else than the browser.
 */
/* global crypto, document, InputEvent, localStorage, sessionStorage, setInterval, window */
import { codeOf, details } from './authenticator.js';
import { serverNow } from './clock.js';

const STORED = 'keepsake-demo-phone';
const SENT = 'keepsake-demo-sent';

/** Keys, newest first: `{ uri, used }`, the last step whose code was accepted. */
let phone = load();
const codes = new Map();

setInterval(draw, 500);
window.addEventListener('storage', ({ key }) => {
  if (key !== STORED) return;
  phone = load();
  draw();
});

document.addEventListener('click', ({ target }) => {
  const button = target.closest('[data-phone] button');
  if (button === null) return;
  if (button.dataset.phoneScan !== undefined) scan();
  if (button.dataset.phoneLose !== undefined) change({ ...phone, lost: true }, 'The phone is gone.');
  if (button.dataset.phoneFind !== undefined) change({ ...phone, lost: false }, 'Found.');
  if (button.dataset.phoneReplace !== undefined) change({ keys: [], lost: false }, 'A new phone has no keys.');
  if (button.dataset.fill !== undefined) fill(codes.get(button.dataset.fill)?.code);
});

export function showPhone() {
  const place = document.querySelector('[data-phone]');
  if (place === null) return;
  place.hidden = false;
  // Codes are known once they were drawn.
  draw().then(settle);
}

document.addEventListener('submit', ({ target }) => {
  const input = target.querySelector('.code:not(.recovery-code)');
  if (input !== null) sessionStorage.setItem(SENT, input.value.replaceAll(/[^0-9]/g, ''));
});

/** The page after a code was sent: one that neither complains about it nor shows a lock has accepted it. */
function settle() {
  const code = sessionStorage.getItem(SENT);
  if (code === null) return;
  sessionStorage.removeItem(SENT);
  const refused = document.querySelector('.code[aria-invalid="true"], [data-locked]:not([hidden])');
  if (refused === null) markUsed(code);
}

/** A code that is right now, of the account that is signed in; undefined when the phone has none. */
export function currentCode() {
  const account = document.querySelector('.email')?.textContent;
  const key = phone.lost ? undefined : phone.keys.find(({ uri }) => details(uri).account === account);
  return key && codes.get(key.uri)?.code;
}

function load() {
  try {
    const { keys, lost } = JSON.parse(localStorage.getItem(STORED) ?? '');
    return { keys, lost };
  } catch {
    return { keys: [], lost: false };
  }
}

function change(newPhone, message) {
  document.querySelector('[data-phone-said]').textContent = message;
  save(newPhone);
}

function save(newPhone) {
  phone = newPhone;
  localStorage.setItem(STORED, JSON.stringify(phone));
  draw();
}

/** Whether the page shows a key that the phone does not have. */
export function canScan() {
  return newKeyOnPage() !== undefined;
}

function newKeyOnPage() {
  const uri = document.querySelector('[data-key-uri]')?.getAttribute('href');
  return uri && !phone.lost && !phone.keys.some((key) => key.uri === uri) ? uri : undefined;
}

function scan() {
  const uri = newKeyOnPage();
  change({ ...phone, keys: [{ uri, used: -1 }, ...phone.keys].slice(0, 6) }, 'Scanned.');
  const step = document.querySelector('[data-confirm-step]');
  step.open = true;
  step.querySelector('.code')?.focus();
}

/** Types the code into the form of the page. */
function fill(code) {
  document.querySelector('[data-confirm-step]')?.setAttribute('open', '');
  const input = [...document.querySelectorAll('main .code:not(.recovery-code), .attack-code')].find(
    (field) => field.checkVisibility?.() ?? field.offsetParent !== null,
  );
  if (code === undefined) return;
  if (input === undefined) {
    document.querySelector('[data-phone-said]').textContent = 'There is no field for a code on this page.';
    return;
  }
  input.value = code;
  input.focus();
  input.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText' }));
}

/** Greys a code out. */
export function markUsed(code) {
  const keys = phone.keys.map((key) => {
    const shown = codes.get(key.uri);
    const step = [shown, shown?.before].find((one) => one?.code === code)?.step;
    return step === undefined ? key : { ...key, used: step };
  });
  save({ ...phone, keys });
}

async function draw() {
  const place = document.querySelector('[data-phone]');
  if (place === null) return;
  const isSecure = crypto.subtle !== undefined;
  const keys = phone.lost || !isSecure ? [] : phone.keys;
  const show = (name, isShown) => {
    const part = place.querySelector(`[data-phone-${name}]`);
    if (part.hidden === isShown) part.hidden = !isShown;
  };
  show('insecure', !isSecure);
  show('lost', phone.lost);
  show('empty', isSecure && !phone.lost && keys.length === 0 && newKeyOnPage() === undefined);
  show('scan', isSecure && newKeyOnPage() !== undefined);
  show('lose', keys.length > 0);
  show('find', phone.lost);
  show('replace', phone.lost);
  show('codes', keys.length > 0);

  const now = serverNow();
  for (const { uri } of keys) {
    const { period } = details(uri);
    const step = Math.floor(now / 1000 / period);
    // With the one before it, which may still be on its way.
    const [code, before] =
      codes.get(uri)?.step === step ? [] : await Promise.all([step, step - 1].map((n) => codeOf(uri, n)));
    if (code !== undefined) codes.set(uri, { step, code, before: { step: step - 1, code: before } });
  }
  const list = place.querySelector('[data-phone-codes]');
  if ([...list.children].map(({ dataset }) => dataset.uri).join() !== keys.map(({ uri }) => uri).join()) {
    list.replaceChildren(...keys.map(({ uri }) => newEntry(place, uri)));
  }
  for (const [n, key] of keys.entries()) drawEntry(list.children[n], key, now);
  const short = keys[0] && spaced(codes.get(keys[0].uri).code);
  const shortPlace = place.querySelector('[data-phone-short]');
  if (shortPlace.textContent !== (short ?? '')) shortPlace.textContent = short ?? '';
}

function newEntry(place, uri) {
  const entry = place.querySelector('[data-phone-code]').content.cloneNode(true).firstElementChild;
  const { issuer, account } = details(uri);
  entry.dataset.uri = uri;
  entry.querySelector('[data-issuer]').textContent = issuer;
  entry.querySelector('[data-account]').textContent = account;
  entry.querySelector('[data-fill]').dataset.fill = uri;
  return entry;
}

function drawEntry(entry, { uri, used }, now) {
  const { code, step } = codes.get(uri);
  const { period } = details(uri);
  const left = Math.ceil(period - ((now / 1000) % period));
  const isUsed = used >= step;
  entry.classList.toggle('phone-code-used', isUsed);
  const digits = entry.querySelector('[data-digits]');
  if (digits.textContent !== spaced(code)) {
    digits.textContent = spaced(code);
    entry.querySelector('[data-fill]').setAttribute('aria-label', `Enter the code ${spaced(code)}`);
  }
  entry.querySelector('[data-state]').textContent = isUsed
    ? `Used. The next one comes in ${left} s.`
    : `Changes in ${left} s.`;
  entry.querySelector('.phone-time').style.setProperty('--left', String(left / period));
}

function spaced(code) {
  return code.replace(/^(\d{3})(\d+)$/, '$1 $2');
}
