// Replay of one with the keyboard alone: no mouse, and no key that somebody may have turned off.
// usage: node keyboard.cjs CONSOLE, there being one that is store-refused and would apply.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);
const TABS_MAX = 60;

// Tabs on until something has the focus, which must be seen.
async function tabTo(person, selector) {
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    await person.press('Tab');
    const there = await person.page.evaluate((wanted) => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return { found: element.matches(wanted), outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
    }, selector);
    if (there.found) {
      assert(there.outlined, `the focus on ${selector} cannot be seen`);
      return;
    }
  }
  throw new Error(`no way by Tab to ${selector} on ${person.path}`);
}

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/dead-letters?reason=store-refused&state=open');
    await ana.press('Tab');
    assert((await ana.page.evaluate(() => document.activeElement.hash)) === '#content', 'the first Tab does not offer to skip');
    await ana.press('Enter');
    await tabTo(ana, 'main tbody a[href^="/dead-letters/"]');
    await ana.followKeys('Enter');
    await tabTo(ana, 'form[action$="/replay"] button');
    await ana.followKeys('Enter');
    await ana.until(/State\s+resolved/);
  });
  return 'one was replayed by keys alone';
});
