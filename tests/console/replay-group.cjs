// A group, from the inbox: dry run, replay, progress to the end without loading the page anew.
// usage: node replay-group.cjs CONSOLE, there being several that are store-refused and would apply.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);

main(async () => {
  let sent;
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/inbox');
    await ana.follow('link', 'Dry run and replay: store-refused');
    const number = await ana.page.$eval('input[name="expect"]', (field) => field.value);
    sent = Number(number);
    assert(sent > 1, `the group has ${sent}`);
    assert(new RegExp(`${number}\\s+would apply`).test(await ana.text()), 'the dry run does not say what all would come to');

    // Nobody sends many by mistake: their number is typed.
    await ana.fill('input[name="count"]', String(sent + 1));
    await ana.fill('input[name="rate"]', '2');
    await ana.follow('button', 'Start the replay');
    assert(/This is not the number. Nothing was sent./.test(await ana.text()), 'another number starts it');
    await ana.fill('input[name="count"]', number);
    await ana.follow('button', 'Start the replay');
    assert(/^\/replays\/[0-9a-f-]{36}$/.test(ana.path), `the start leads to ${ana.path}`);

    await ana.page.evaluate(() => {
      window.stays = true;
    });
    const shown = new Set();
    await ana.page.exposeFunction('shows', (value) => shown.add(value));
    await ana.page.evaluate(() => {
      const look = () => window.shows(document.querySelector('progress').value);
      new MutationObserver(look).observe(document.querySelector('main'), { attributes: true, childList: true, subtree: true });
    });
    await ana.until(/The replay has ended\./);
    assert(await ana.page.evaluate(() => window.stays), 'the page was loaded anew');
    assert(shown.size > 1, 'the progress did not move');
    assert(new RegExp(`${number}\\s+applied`).test(await ana.text()), 'not all were applied');
    await ana.open('/replays');
    assert(/finished/.test(await ana.text('main tbody tr')), 'the list does not have it');
  });
  return `${sent} were replayed after a dry run, with progress to the end`;
});
