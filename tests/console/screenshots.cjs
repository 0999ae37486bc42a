// The pictures of docs/console. usage: node screenshots.cjs CONSOLE FOLDER
const { join } = require('node:path');
const { main } = require('../api/chromium.cjs');
const { withPeople } = require('./desk.cjs');
const { PAGES } = require('./pages.cjs');

const [console_, folder] = process.argv.slice(2);
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 780 };

// A picture: its page, and what is not as usual.
const PICTURES = {
  overview: {},
  inbox: {},
  list: {},
  letter: {},
  edited: {},
  'replay-plan': {},
  replay: {},
  search: {},
  contact: {},
  command: {},
  audit: {},
  keys: { theme: 'dark' },
  'inbox-dark': { page: 'inbox', theme: 'dark' },
  'inbox-phone': { page: 'inbox', language: 'pt-BR', ...PHONE },
};

main(async () => {
  await withPeople(console_, async (come) => {
    for (const [name, { page = name, ...options }] of Object.entries(PICTURES)) {
      const person = await come({ ...DESK, ...options });
      await PAGES[page](person);
      await person.page.screenshot({ path: join(folder, `${name}.png`) });
      await person.context.close();
    }
  });
  return `${Object.keys(PICTURES).length} pictures`;
});
