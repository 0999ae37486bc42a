// Every page, as somebody comes to it: a name and the way there, in any language. A way is told what there is besides the
// console: the address of the API, or who has which password.
const { createContact, signIn } = require('./desk.cjs');

const LIST = '/dead-letters?state=open';
const LETTER = 'main tbody a[href^="/dead-letters/"]';
// Enough that it still runs after every look at it, at one a second.
const RUNNING = 6;
const PHONE = '(11) 98765-4321';

async function letter(person, query = 'state=open') {
  await person.open(`/dead-letters?${query}`);
  await person.followFirst(LETTER);
}

async function search(person, q) {
  await person.open('/contacts');
  await person.fill('input[name="q"]', q);
  await person.followFirst('main form button');
}

// There are dead letters in every state, replays, contacts and an audit: see scripts/check-console.
const PAGES = {
  overview: (person) => person.open('/'),
  inbox: (person) => person.open('/inbox'),
  'inbox-empty': (person) => person.open('/inbox?reason=expired'),
  list: (person) => person.open('/dead-letters'),
  'list-empty': (person) => person.open('/dead-letters?reason=expired'),
  'list-wrong': (person) => person.open('/dead-letters?since=yesterday'),
  letter: (person) => letter(person, 'state=open&reason=store-refused'),
  'list-ticked': async (person) => {
    await person.open(LIST);
    await person.page.click('main tbody input[type="checkbox"]');
  },
  'letter-unreadable': (person) => letter(person, 'state=open&reason=undecodable'),
  'letter-ended': (person) => letter(person, 'state=resolved'),
  revealed: async (person) => {
    await letter(person);
    await person.followFirst('form[action$="/reveal"] button');
  },
  edit: async (person) => {
    await letter(person, 'state=open&reason=unstorable');
    await person.followFirst('a[href$="/edit"]');
    await person.fill('input[name="phone"]', '12');
    await person.followFirst('button[value="check"]');
  },
  edited: async (person) => {
    await letter(person, 'state=open&reason=unstorable');
    await person.followFirst('a[href$="/edit"]');
    await person.fill('input[name="phone"]', PHONE);
    await person.followFirst('button[value="check"]');
  },
  discard: async (person) => {
    await letter(person);
    await person.followFirst('a[href$="/discard"]');
  },
  confirm: async (person) => {
    await person.open(LIST);
    await person.page.click('main tbody input[type="checkbox"]');
    await person.followFirst('form:has(table) button[value="discard"]');
  },
  // Of what was ticked, some can no longer be archived.
  done: async (person) => {
    await person.open('/dead-letters');
    for (const state of ['warn', 'good']) {
      await person.page.click(`main tbody tr:has(.tag.${state}) input[type="checkbox"]`);
    }
    await person.followFirst('form:has(table) button[value="archive"]');
    await person.followFirst('form[action="/dead-letters/acts"] button');
  },
  'replay-plan': async (person) => {
    await person.open('/inbox');
    await person.followFirst('main a.button:not(.plain)[href^="/replays/new"]');
  },
  replays: (person) => person.open('/replays'),
  replay: async (person) => {
    await person.open('/replays');
    await person.followFirst('main tbody tr:has(.shares .good):has(.shares .bad) a');
  },
  'replay-braked': async (person) => {
    await person.open('/replays');
    await person.followFirst('main tbody tr:has(.tag.bad) a');
  },
  'replay-items': async (person) => {
    await person.open('/replays');
    await person.followFirst('main tbody tr:has(.shares .bad) a');
    await person.followFirst('a[href$="/items"]');
  },
  'replay-running': async (person) => {
    await person.open('/dead-letters?state=open&reason=store-refused');
    for (const box of (await person.page.$$('main tbody input[type="checkbox"]')).slice(0, RUNNING)) {
      await box.click();
    }
    await person.followFirst('form:has(table) button[formaction="/replays/new"]');
    await person.fill('input[name="rate"]', '1');
    await person.fill('input[name="count"]', String(RUNNING));
    await person.followFirst('main form button');
  },
  contacts: (person) => person.open('/contacts'),
  search: (person) => search(person, 'ana'),
  'search-empty': (person) => search(person, 'nobody-of-that-name'),
  contact: async (person) => {
    await search(person, 'ana');
    await person.followFirst('main tbody a');
  },
  follow: (person) => person.open('/commands'),
  command: async (person) => {
    await search(person, 'ana');
    await person.followFirst('main tbody a');
    await person.followFirst('main tbody a[href^="/commands/"]');
  },
  // The database of these checks refuses such a name, and it is tried again for a while.
  'command-pending': async (person, { api }) => person.open(`/commands/${await createContact(api, '<script>')}`),
  'command-dead': async (person) => {
    await letter(person, 'state=open&reason=store-refused');
    await person.followFirst('main a[href^="/commands/"]');
  },
  'command-unknown': (person) => person.open('/commands/00000000-0000-4000-8000-000000000000'),
  audit: (person) => person.open('/audit'),
  missing: (person) => person.open('/nothing'),
  keys: async (person) => {
    await person.open('/inbox');
    await person.page.click('[data-opens="keys"]');
  },
};

// Where people have to sign in, in the order in which somebody comes to them.
const OUTSIDE = {
  'sign-in': (person) => person.open('/sign-in'),
  'sign-in-wrong': async (person) => {
    await person.open('/inbox');
    await signIn(person, 'rui', 'not the password');
  },
  refused: async (person, { passwords }) => {
    await person.open('/sign-in');
    await signIn(person, 'rui', passwords.rui);
    await person.open('/audit');
  },
  'letter-of-others': (person) => letter(person),
  'signed-out': (person) => person.followFirst('.who button'),
};

module.exports = { PAGES, OUTSIDE };
