// The console in Chromium, as its tests use it: pages that are watched, and what a person does on them, found by what the page
// calls it.
const { readFileSync } = require('node:fs');
const { PATIENCE_MS, withBrowser, watch } = require('../api/chromium.cjs');

const LOOK_AGAIN_MS = 200;

// A person at the console: a browser of their own, with its own cookies. Pages are in English unless told.
class Person {
  static async come(browser, origin, { language = 'en', scripts = true, width = 1280, height = 900, theme = 'light' } = {}) {
    const context = await browser.createBrowserContext();
    const person = new Person();
    // Where pages may lead: to the console, and by a test's leave to an issuer.
    Object.assign(person, { origin, origins: new Set([origin]), context, faults: [], page: await context.newPage() });
    const { page } = person;
    page.setDefaultTimeout(PATIENCE_MS);
    await page.setViewport({ width, height });
    await page.setJavaScriptEnabled(scripts);
    await page.setExtraHTTPHeaders({ 'Accept-Language': language });
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: theme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    await watch(page, person.origins, person.faults);
    page.on('dialog', (dialog) => {
      person.faults.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    return person;
  }

  // Goes to a page; gives the status of the answer.
  async open(path) {
    const answer = await this.page.goto(new URL(path, this.origin), { waitUntil: 'load' });
    return answer.status();
  }

  get path() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  // What the page shows.
  async text(selector = 'main') {
    return this.page.$eval(selector, (element) => element.innerText);
  }

  // How many there are of something.
  async count(selector) {
    return (await this.page.$$(selector)).length;
  }

  // A link, a button or a field, by its name as a screen reader says it.
  async find(role, name) {
    return this.page.waitForSelector(`::-p-aria([role="${role}"][name="${name}"])`);
  }

  // Clicks what leads to another page, and waits for it.
  async follow(role, name) {
    await this.leave(async () => (await this.find(role, name)).click());
  }

  async followFirst(selector) {
    await this.leave(async () => (await this.page.waitForSelector(selector)).click());
  }

  // Presses keys that lead to another page.
  async followKeys(...keys) {
    await this.leave(() => this.press(...keys));
  }

  async leave(by) {
    await Promise.all([this.page.waitForNavigation({ waitUntil: 'load' }), by()]);
  }

  async press(...keys) {
    for (const key of keys) {
      await this.page.keyboard.press(key);
    }
  }

  // Types into a field, in the place of what stands in it.
  async fill(selector, text) {
    const field = await this.page.waitForSelector(selector);
    await field.evaluate((element) => element.select());
    await this.press('Backspace');
    await field.type(text);
  }

  // Waits until the page shows something, which it comes to by itself. Pages may load anew meanwhile.
  async until(pattern) {
    let text = '';
    const shows = async () => {
      text = await this.text().catch(() => text);
      return pattern.test(text);
    };
    await this.becomes(shows, () => `${this.path} does not come to ${pattern}:\n${text}`);
  }

  // Waits until something holds.
  async becomes(holds, what) {
    const limit = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      assert(Date.now() < limit, what);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

// Hands people to a test, which fails for what their pages did wrong, too. Its failure leaves a picture.
async function withPeople(address, test) {
  const { origin } = new URL(address);
  const people = [];
  await withBrowser(async (browser) => {
    const come = async (options) => {
      const person = await Person.come(browser, origin, options);
      people.push(person);
      return person;
    };
    try {
      await test(come, browser);
    } catch (error) {
      const { page, faults } = people.at(-1) ?? { faults: [] };
      const picture = process.env.CONTATO_PICTURE;
      if (picture) {
        await page?.screenshot({ path: picture, fullPage: true }).catch(() => {});
      }
      throw new Error([`${error.stack}`, `at ${page?.url()}`, ...faults].join('\n'));
    }
  });
  const faults = people.flatMap((person) => person.faults);
  if (faults.length) {
    throw new Error(faults.join('\n'));
  }
}

function assert(holds, what) {
  if (!holds) {
    throw new Error(typeof what === 'function' ? what() : what);
  }
}

// Signs somebody in with a password, in any language.
async function signIn(person, name, password) {
  await person.fill('input[name="name"]', name);
  await person.fill('input[name="password"]', password);
  await person.followFirst('form[action="/sign-in"] button');
}

// Who has which password, from a file with a line of each: the name and the password with a blank between.
function passwordsIn(file) {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(' ')));
}

// Asks the API for a contact, and gives the id of the command.
async function createContact(api, name) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name, email: 'markup@example.com' });
  const answer = await fetch(`${api}/v1/contacts`, { method: 'POST', headers, body });
  assert(answer.status === 202, `a contact is answered ${answer.status}`);
  return (await answer.json()).id;
}

module.exports = { assert, createContact, passwordsIn, signIn, withPeople };
