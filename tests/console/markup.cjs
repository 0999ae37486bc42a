// A dead letter whose message has markup: masked, and in the clear, it is text. usage: node markup.cjs CONSOLE API, on a
// database that refuses names with <script>.
const { main } = require('../api/chromium.cjs');
const { assert, createContact, withPeople } = require('./desk.cjs');

const [console_, api] = process.argv.slice(2);
const NAME = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">';
const WAIT_MS = 20_000;

// Sends what will be dead; gives the id of its command.
async function die() {
  const id = await createContact(api, NAME);
  const limit = Date.now() + WAIT_MS;
  for (;;) {
    const { status } = await (await fetch(`${api}/v1/commands/${id}`)).json();
    if (status === 'deadLettered') {
      return id;
    }
    assert(Date.now() < limit, `the command is ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

main(async () => {
  const command = await die();
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open(`/commands/${command}`);
    assert(/dead-lettered/.test(await ana.text()), 'the command is not told as dead-lettered');
    await ana.followFirst('main a[href^="/dead-letters/"]');
    assert(!(await ana.text('pre')).includes('script'), 'personal data is not masked');
    await ana.follow('button', 'Show in the clear');
    assert((await ana.text('pre')).includes('<script>window.pwned=1</script><img'), 'the message is not shown as it is');
    assert((await ana.count('main script, main img')) === 0, 'the message has become markup');
    assert(!(await ana.page.evaluate(() => window.pwned)), 'the message runs');
    await ana.open('/audit');
    assert(/revealed/.test(await ana.text('main tbody tr')), 'the audit does not have who looked');
  });
  return 'a message with markup stayed text, masked and in the clear';
});
