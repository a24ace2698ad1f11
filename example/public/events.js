/** Shows the module's events as they happen. */
/* global document, EventSource */
const KEPT = 30;
const list = document.querySelector('[data-events]');
const state = document.querySelector('[data-live]');
const source = new EventSource('/events');

for (const entry of list.children) showTime(entry);
source.addEventListener('open', () => say('Live'));
source.addEventListener('error', () => say(source.readyState === EventSource.CLOSED ? 'Not live' : 'Connecting …'));
source.addEventListener('message', ({ data }) => {
  const template = document.createElement('template');
  template.innerHTML = data;
  const entry = template.content.firstElementChild;
  // On connecting, the server repeats the last ones: what happened since the page was made is among them.
  if (list.querySelector(`[data-event="${entry.dataset.event}"]`) !== null) return;
  showTime(entry);
  entry.classList.add('event-new');
  list.prepend(entry);
  while (list.children.length > KEPT) list.lastElementChild.remove();
  document.querySelector('[data-events-empty]').hidden = true;
});

function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

function showTime(entry) {
  const time = entry.querySelector('time');
  time.textContent = new Date(time.dateTime).toLocaleTimeString();
}
