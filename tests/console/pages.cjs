// Every page, as somebody comes to it: a name and the way there, in any language.
const LIST = '/dead-letters?state=open';
const LETTER = 'main tbody a[href^="/dead-letters/"]';
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
  'replay-plan': async (person) => {
    await person.open('/inbox');
    await person.followFirst('main a[href^="/replays/new"]');
  },
  replays: (person) => person.open('/replays'),
  replay: async (person) => {
    await person.open('/replays');
    await person.followFirst('main tbody a');
  },
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
  'command-unknown': (person) => person.open('/commands/00000000-0000-4000-8000-000000000000'),
  audit: (person) => person.open('/audit'),
  missing: (person) => person.open('/nothing'),
  keys: async (person) => {
    await person.open('/inbox');
    await person.page.click('[data-opens="keys"]');
  },
};

// Before somebody has signed in, where they have to.
const OUTSIDE = { 'sign-in': (person) => person.open('/sign-in') };

module.exports = { PAGES, OUTSIDE };
