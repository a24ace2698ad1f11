/** The console: sends requests to the module's HTTP API, and brings the list of requests up to date. */
/* global document */

export async function refreshRequests() {
  const list = document.querySelector('[data-requests]');
  if (list === null) return;
  const response = await fetch('/demo/requests').catch(() => undefined);
  if (response?.ok && !response.redirected) list.innerHTML = await response.text();
}

export function showConsole() {
  const form = document.querySelector('[data-console]');
  if (form === null) return;
  form.hidden = false;
  offerBody(form);
}

document.addEventListener('change', ({ target }) => {
  if (target.matches('[data-console] select')) offerBody(target.form);
});

document.addEventListener('submit', (event) => {
  if (event.target.dataset.console === undefined) return;
  event.preventDefault();
  send(event.target);
});

function offerBody(form) {
  const body = form.elements.call.selectedOptions[0].dataset.body;
  form.querySelector('[data-console-body]').hidden = body === undefined;
  form.elements.json.value = body ?? '';
}

async function send(form) {
  const [method, path] = form.elements.call.value.split(' ');
  const body = form.elements.json.value;
  const error = form.querySelector('[data-error]');
  error.textContent = '';
  try {
    if (body !== '') JSON.parse(body);
  } catch {
    error.textContent = 'This is not JSON.';
    form.elements.json.focus();
    return;
  }
  const content = body === '' ? {} : { body, headers: { 'Content-Type': 'application/json' } };
  await fetch(path, { method, ...content }).catch(() => undefined);
  await refreshRequests();
  const first = document.querySelector('[data-requests] details');
  if (first !== null) first.open = true;
}
