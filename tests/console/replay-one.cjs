// Replay of one dead letter, with clicks, and what became of it. usage: node replay-one.cjs CONSOLE, there being one that is
// store-refused and would apply.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/');
    await ana.follow('link', 'Dead letters');
    await ana.page.select('select[name="reason"]', 'store-refused');
    await ana.page.select('select[name="state"]', 'open');
    await ana.follow('button', 'Filter');
    await ana.followFirst('main tbody a[href^="/dead-letters/"]');
    const { path } = ana;
    assert(/would apply/.test(await ana.text()), 'the page does not foresee what a replay would come to');
    await ana.follow('button', 'Replay');
    assert(ana.path.startsWith(path), `the replay leads to ${ana.path}`);
    await ana.until(/State\s+resolved/);
    assert(/Its command ended/.test(await ana.text()), 'the history does not tell of the end');
    assert((await ana.count('form[action$="/replay"]')) === 0, 'what has ended can be replayed');
  });
  return 'one was replayed and resolved, and its page says so';
});
