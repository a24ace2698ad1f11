/** The list of authenticators: add, confirm, rename, remove. */
/* global document, getSelection, navigator */
import { get, post, Problem } from './api.js';
import { codeForm } from './code-form.js';
import { withStepUp } from './step-up.js';

const find = (name, within = document) => within.querySelector(`[data-${name}]`);
const list = find('devices');
const addForm = find('add');
const enrolment = find('enrol');
const removeDialog = find('remove-dialog');

let enrolling;

const enrolForm = codeForm(
  enrolment.querySelector('form'),
  (totp) => withStepUp(() => post('/totp/device/verify', { deviceName: enrolling, totp })),
  async () => {
    say(`“${enrolling}” is ready. From now on, signing in asks for its code.`);
    closeEnrolment();
    await refresh();
    document.getElementById('devices-title').focus();
  },
);

addForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const name = addForm.elements.deviceName.value.trim();
  complain('add-error', '');
  perform(event.submitter, () => add(name === '' ? {} : { deviceName: name }));
});

for (const button of enrolment.querySelectorAll('[data-cancel]')) {
  button.addEventListener('click', () => {
    const deviceName = enrolling;
    perform(button, async () => {
      closeEnrolment();
      await post('/totp/device/remove', { deviceName });
      await refresh();
      addForm.elements.deviceName.focus();
    });
  });
}

find('copy').addEventListener('click', async () => {
  const key = find('key').textContent;
  const copied = await navigator.clipboard?.writeText(key).then(
    () => true,
    () => false,
  );
  if (copied) {
    find('copied').textContent = 'Copied.';
    return;
  }
  // Browsers give pages the clipboard over HTTPS and on localhost alone.
  getSelection().selectAllChildren(find('key'));
  find('copied').textContent = 'The browser does not let this page copy. The key is selected: copy it by hand.';
});

await perform(undefined, refresh);

/** Runs what a person asked for, and shows what went wrong with it. */
async function perform(button, action) {
  if (button?.ariaBusy === 'true') return;
  find('problem').textContent = '';
  if (button) button.ariaBusy = 'true';
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    find('problem').textContent = error.message;
  } finally {
    if (button) button.ariaBusy = null;
  }
}

async function refresh() {
  const { devices } = await get('/totp/device/list');
  list.replaceChildren(...devices.map((device) => row(device, devices)));
  list.ariaBusy = 'false';
  find('empty').hidden = devices.length > 0;
}

function row(device, devices) {
  const item = find('device').content.firstElementChild.cloneNode(true);
  const edit = find('edit', item);
  const newName = edit.elements.newDeviceName;
  item.dataset.verified = device.verified;
  find('name', item).textContent = device.name;
  find('state', item).textContent = device.verified
    ? `Confirmed. A new code every ${device.period} seconds.`
    : 'Not confirmed yet.';
  find('restart', item).hidden = device.verified;
  for (const action of ['restart', 'rename', 'remove']) {
    find(action, item).setAttribute('aria-label', `${find(action, item).textContent}: ${device.name}`);
  }

  find('restart', item).addEventListener('click', (event) => {
    perform(event.currentTarget, () => add({ deviceName: device.name }));
  });

  find('rename', item).addEventListener('click', () => showEdit(true));
  find('keep-name', item).addEventListener('click', () => showEdit(false));
  edit.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') showEdit(false);
  });
  edit.addEventListener('submit', (event) => {
    event.preventDefault();
    perform(event.submitter, () => rename(newName.value.trim()));
  });

  find('remove', item).addEventListener('click', (event) => {
    const button = event.currentTarget;
    perform(button, () => remove(device, devices, button));
  });

  function showEdit(shown) {
    edit.hidden = !shown;
    find('view', item).hidden = shown;
    find('rename-error', item).textContent = '';
    newName.value = device.name;
    (shown ? newName : find('rename', item)).focus();
    if (shown) newName.select();
  }

  async function rename(name) {
    if (name === '') {
      find('rename-error', item).textContent = 'Enter a name.';
      newName.focus();
      return;
    }
    const change = { existingDeviceName: device.name, newDeviceName: name };
    const answer = await withStepUp(() => post('/totp/device/rename', change));
    if (answer === undefined) return;
    if (answer.status === 'DEVICE_ALREADY_EXISTS_ERROR') {
      find('rename-error', item).textContent = 'Another authenticator has this name.';
      newName.focus();
      return;
    }
    say(answer.status === 'OK' ? `“${device.name}” is now called “${name}”.` : `“${device.name}” is no longer there.`);
    await refresh();
    document.getElementById('devices-title').focus();
  }

  return item;
}

async function add(body) {
  const answer = await withStepUp(() => post('/totp/device', body));
  if (answer === undefined) return;
  if (answer.status === 'DEVICE_ALREADY_EXISTS_ERROR') {
    complain('add-error', 'You have an authenticator of this name. Choose another one.');
    addForm.elements.deviceName.focus();
    return;
  }
  addForm.reset();
  enrolForm.reset();
  enrolling = answer.deviceName;
  find('enrol-title').textContent = `Set up “${answer.deviceName}”`;
  find('qr').src = answer.qrCodeImage;
  find('key-uri').href = answer.qrCodeString;
  find('key').replaceChildren(
    ...answer.secret.match(/.{1,4}/g).map((group) => {
      const span = document.createElement('span');
      span.textContent = group;
      return span;
    }),
  );
  find('copied').textContent = '';
  say('');
  find('add-panel').hidden = true;
  enrolment.hidden = false;
  await refresh();
  find('enrol-title').focus({ preventScroll: true });
  enrolment.scrollIntoView({ block: 'nearest' });
}

/** Takes the key out of the page as well: it is shown once. */
function closeEnrolment() {
  enrolment.hidden = true;
  find('add-panel').hidden = false;
  find('qr').removeAttribute('src');
  find('key-uri').removeAttribute('href');
  find('key').replaceChildren();
  enrolling = undefined;
}

async function remove(device, devices, button) {
  const last = device.verified && devices.filter(({ verified }) => verified).length === 1;
  find('remove-title').textContent = `Remove “${device.name}”?`;
  find('remove-text').textContent = last
    ? 'It is your last one: after that, your password alone protects the account, and the vault closes.'
    : 'Its codes stop working at once.';
  removeDialog.returnValue = '';
  removeDialog.showModal();
  await new Promise((resolve) => removeDialog.addEventListener('close', resolve, { once: true }));
  if (removeDialog.returnValue !== 'remove') {
    button.focus();
    return;
  }
  const answer = await withStepUp(() => post('/totp/device/remove', { deviceName: device.name }));
  if (answer === undefined) return;
  if (device.name === enrolling) closeEnrolment();
  say(answer.didDeviceExist ? `“${device.name}” is removed.` : `“${device.name}” was gone already.`);
  await refresh();
  document.getElementById('devices-title').focus();
}

function say(message) {
  find('message').textContent = message;
}

function complain(where, message) {
  find(where).textContent = message;
}
