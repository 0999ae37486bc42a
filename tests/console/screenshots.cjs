// The pictures of docs/console. usage: node screenshots.cjs CONSOLE FOLDER
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');
const { PAGES } = require('./pages.cjs');
const { withPalette } = require('./palette.cjs');

const [console_, folder] = process.argv.slice(2);
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 780 };
const BYTES_MAX = 150_000;

// A picture: its page, and what is not as usual.
const PICTURES = {
  overview: {},
  inbox: {},
  list: { page: 'list-ticked' },
  letter: {},
  edited: {},
  'replay-plan': {},
  replay: {},
  contact: {},
  audit: {},
  keys: { theme: 'dark' },
  'inbox-phone': { page: 'inbox', language: 'pt-BR', ...PHONE },
};

main(async () => {
  await withPeople(console_, async (come) => {
    for (const [name, { page = name, ...options }] of Object.entries(PICTURES)) {
      const person = await come({ ...DESK, ...options });
      await PAGES[page](person);
      const picture = withPalette(await person.page.screenshot());
      assert(picture.length < BYTES_MAX, `${name}.png is large: ${picture.length} bytes`);
      writeFileSync(join(folder, `${name}.png`), picture);
      await person.context.close();
    }
  });
  return `${Object.keys(PICTURES).length} pictures`;
});
