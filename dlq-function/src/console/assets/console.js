// Times in the reader's zone, keys, copying, ticking all. Everything works without; what it says stands in the page.
'use strict';

const KEYS_OFF = 'contato-keys-off';
// How long the second key of a pair may take, and how long a button says that it has copied, in milliseconds.
const PAIR_MS = 1500;
const COPIED_MS = 2000;
// UUIDs, and ids of groups.
const ID = /^[0-9a-f-]{32,36}$/;
const ITEMS = 'main table.rows > tbody > tr, main .cards > li';

const page = document.documentElement;
const texts = document.body.dataset;

// ---------------------------------------------------------------------- times

// Without an order of its own, English has day and month either way round.
const times = new Intl.DateTimeFormat(page.lang === 'en' ? 'en-CA' : page.lang, {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

// <time datetime="…Z"> shows UTC; here it gets the reader's time, and UTC moves into the title.
function localTimes() {
  for (const time of document.querySelectorAll('time[datetime$="Z"]:not([title])')) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = time.textContent.trim();
      time.textContent = times.format(at).replace(',', '');
    }
  }
}

// -------------------------------------------------------------------- copying

const status = document.createElement('span');
status.className = 'unseen';
status.setAttribute('role', 'status');

function copyButton(code) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'plain copier';
  button.textContent = texts.copy;
  button.setAttribute('aria-label', `${texts.copy} ${code.textContent.trim()}`);
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(code.textContent.trim());
    button.textContent = texts.copied;
    status.textContent = texts.copied;
    setTimeout(() => {
      button.textContent = texts.copy;
      status.textContent = '';
    }, COPIED_MS);
  });
  return button;
}

// Ids among facts, and what asks for it. Not where the server keeps a part fresh: what it sends has no such button. Browsers
// without TLS let nobody copy.
function copyButtons() {
  for (const code of navigator.clipboard ? document.querySelectorAll('code.copy, dl.facts code') : []) {
    const isWanted = code.matches('.copy') || ID.test(code.textContent.trim());
    const place = code.closest('a') ?? code;
    if (isWanted && !code.closest('[hx-get]') && !place.nextElementSibling?.classList.contains('copier')) {
      place.after(copyButton(code));
    }
  }
}

// ---------------------------------------------------------------- ticking all

const boxesOf = (table) => [...table.querySelectorAll('tbody input[type="checkbox"][name]')];

function tellOfAll(all, boxes) {
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

// Above a list with boxes, one for all of them.
function tickAll() {
  for (const table of document.querySelectorAll('main table.rows')) {
    if (boxesOf(table).length > 1 && !table.previousElementSibling?.classList.contains('tick-all')) {
      const label = document.createElement('label');
      const all = document.createElement('input');
      label.className = 'tick-all';
      all.type = 'checkbox';
      label.append(all, ` ${texts.all}`);
      table.before(label);
      all.addEventListener('change', () => boxesOf(table).forEach((box) => (box.checked = all.checked)));
      table.addEventListener('change', () => tellOfAll(all, boxesOf(table)));
      tellOfAll(all, boxesOf(table));
    }
  }
}

// --------------------------------------------------------------------- choices

// A theme is seen at once. A language is another page, which a list must not open while somebody goes through it (WCAG 3.2.2).
for (const theme of document.querySelectorAll('.choices select[name="theme"]')) {
  theme.addEventListener('change', () => {
    const { action } = theme.form;
    page.dataset.theme = theme.value;
    fetch(action, { method: 'POST', body: new URLSearchParams(new FormData(theme.form)), redirect: 'manual' });
  });
}

// ------------------------------------------------------------------------ keys

const help = document.getElementById('keys');
const off = help.querySelector('input[name="off"]');
let firstOfPair = 0;

// Where the browser keeps nothing for pages, the choice lasts as long as the page.
const kept = {
  get: () => {
    try {
      return localStorage.getItem(KEYS_OFF) === 'yes';
    } catch {
      return false;
    }
  },
  set: (isOff) => {
    try {
      isOff ? localStorage.setItem(KEYS_OFF, 'yes') : localStorage.removeItem(KEYS_OFF);
    } catch {}
  },
};

off.checked = kept.get();
off.addEventListener('change', () => kept.set(off.checked));
for (const opener of document.querySelectorAll('[data-opens="keys"]')) {
  opener.hidden = false;
  opener.addEventListener('click', () => help.showModal());
}

const items = () => [...document.querySelectorAll(ITEMS)].filter((item) => item.getClientRects().length);
const current = () => document.activeElement?.closest(ITEMS);

// The focus goes to what the item leads to, so that Enter and a screen reader know it.
function move(step) {
  const all = items();
  const at = all.indexOf(current());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  if (next) {
    const aim = next.querySelector('a[href], summary, button') ?? next;
    if (aim === next) {
      next.tabIndex = -1;
    }
    aim.focus();
  }
}

const acts = {
  '?': () => help.showModal(),
  '/': () => {
    document.querySelector('main details.filtering')?.setAttribute('open', '');
    document.querySelector('main form.filters :is(input:not([type="hidden"]), select)')?.focus();
  },
  g: () => {
    firstOfPair = Date.now();
  },
  j: () => move(1),
  k: () => move(-1),
  o: () => current()?.querySelector('a[href]')?.click(),
  x: () => current()?.querySelector('input[type="checkbox"]')?.click(),
};

function isTyping(target) {
  const field = target.closest?.('input, select, textarea, [contenteditable]');
  return field && field.type !== 'checkbox' && field.type !== 'radio';
}

document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  const isChord = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  if (isChord || event.defaultPrevented || off.checked || help.open || isTyping(target)) {
    return;
  }
  const isPair = Date.now() - firstOfPair < PAIR_MS;
  firstOfPair = 0;
  const link = isPair && document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`);
  const act = link ? () => link.click() : Object.hasOwn(acts, key) && acts[key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// ----------------------------------------------------------------------- pages

function prepare() {
  localTimes();
  copyButtons();
  tickAll();
}

document.body.append(status);
prepare();
// Also what htmx puts in later. What prepare() itself changes leaves nothing to do.
new MutationObserver(prepare).observe(document.querySelector('main'), { childList: true, characterData: true, subtree: true });

// On a phone the way to this page may be out of sight. Scrolled to by itself it would be where Tab begins.
const here = document.querySelector('.top nav a[aria-current]');
if (here) {
  const list = here.closest('ul');
  list.scrollLeft = here.offsetLeft - list.offsetLeft - (list.clientWidth - here.offsetWidth) / 2;
}
