/** Starts the demo tools of the page; an application has none of this. */
/* global document, matchMedia, sessionStorage */
import './attack.js';
import { readClock } from './clock.js';
import { canScan, showPhone } from './phone.js';
import { refreshRequests, showConsole } from './requests.js';
import { showTour } from './tour.js';

const STATES = 'keepsake-tools';
const isWide = matchMedia('(min-width: 60rem)');

/** @param isWhole whether the page is a new one, rather than one whose form was replaced */
export function showDemo(isWhole) {
  if (isWhole) readClock();
  else refreshRequests();
  showPhone();
  showConsole();
  showTour();
  restoreTools();
}

/** Tools stay as open as they were left. */
function restoreTools() {
  const states = JSON.parse(sessionStorage.getItem(STATES) ?? '{}');
  for (const tool of document.querySelectorAll('.tool')) {
    if (tool.id in states) tool.open = states[tool.id];
    // Where it lies over the page, the phone is opened only for what it can do there.
    if (tool.id === 'tool-phone' && !isWide.matches) tool.open = canScan();
  }
}

document.addEventListener('click', ({ target }) => {
  const tool = target.closest('.tool > summary')?.parentElement;
  if (!tool) return;
  const states = JSON.parse(sessionStorage.getItem(STATES) ?? '{}');
  sessionStorage.setItem(STATES, JSON.stringify({ ...states, [tool.id]: !tool.open }));
});
