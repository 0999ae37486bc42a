// The same without JavaScript: one, and a group with its progress, which the browser loads anew.
// usage: node without-scripts.cjs CONSOLE, there being three that are store-refused and would apply.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come({ scripts: false });
    await ana.open('/dead-letters?reason=store-refused&state=open');
    await ana.followFirst('main tbody a[href^="/dead-letters/"]');
    await ana.follow('button', 'Replay');
    await ana.until(/State\s+resolved/);

    await ana.open('/inbox');
    await ana.follow('link', 'Dry run and replay: store-refused');
    const number = await ana.page.$eval('input[name="expect"]', (field) => field.value);
    assert(Number(number) > 1, `the group has ${number}`);
    await ana.fill('input[name="count"]', number);
    await ana.follow('button', 'Start the replay');
    await ana.until(/The replay has ended\./);
    assert((await ana.count('[data-opens="keys"]:not([hidden]), .copier, .tick-all')) === 0, 'what needs scripts is offered');
  });
  return 'one and a group were replayed without JavaScript';
});
