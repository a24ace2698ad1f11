/** Shows the answers of an attack as they come. */
/* global document, FormData, TextDecoderStream, URLSearchParams */
import { refreshRequests } from './requests.js';
import { currentCode, markUsed } from './phone.js';
import { markTour } from './tour.js';

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.dataset.attack === undefined) return;
  event.preventDefault();
  if (form.ariaBusy !== 'true') attack(form);
});

/** A click without a code takes the one that the demo phone shows. */
document.addEventListener(
  'click',
  ({ target }) => {
    const input = target.closest('[data-attack] button')?.form.querySelector('.attack-code');
    if (input && input.value === '') input.value = currentCode() ?? '';
  },
  { capture: true },
);

async function attack(form) {
  const tool = form.closest('.tool');
  const shots = tool.querySelector('[data-shots]');
  const summary = tool.querySelector('[data-attack-summary]');
  form.ariaBusy = 'true';
  shots.replaceChildren();
  shots.hidden = tool.querySelector('[data-shots-key]').hidden = false;
  summary.textContent = '';
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: 'application/x-ndjson' },
    });
    if (!response.ok) throw new Error(String(response.status));
    for await (const line of linesOf(response)) {
      const news = JSON.parse(line);
      if (news.outcome === undefined) summary.textContent = news.summary;
      else shots.append(shot(news.outcome));
      if (news.outcome === 'accepted') markUsed(form.elements.totp?.value);
    }
    markTour('demo.attack');
    form.reset();
  } catch {
    summary.textContent = 'The attack could not be made. Reload the page and try again.';
  }
  form.ariaBusy = null;
  refreshRequests();
}

function shot(outcome) {
  const mark = document.createElement('span');
  mark.className = `shot shot-${outcome}`;
  return mark;
}

async function* linesOf(response) {
  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n');
    rest = lines.pop();
    yield* lines;
  }
}
