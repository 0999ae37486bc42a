// A contact is found and shown, a command followed; markup in a contact stays text. usage: node contacts.cjs CONSOLE API
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_, api] = process.argv.slice(2);
const NAME = '<script>window.pwned=1</script> Zuleica';

async function create() {
  const body = JSON.stringify({ name: NAME, email: 'zuleica@example.com' });
  const headers = { 'content-type': 'application/json', prefer: 'wait=10' };
  const answer = await fetch(`${api}/v1/contacts`, { method: 'POST', headers, body });
  assert(answer.status === 201, `a contact is answered ${answer.status}`);
}

main(async () => {
  await create();
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/contacts');
    await ana.fill('input[name="q"]', 'zule');
    await ana.follow('button', 'Search');
    assert(!ana.page.url().includes('zule'), 'what is looked for stands in the address');
    await ana.follow('link', NAME);
    assert((await ana.text('h1')).includes(NAME) || (await ana.text()).includes(NAME), 'the name is not shown as it is');
    const command = await ana.page.$eval('main tbody a[href^="/commands/"]', (link) => link.textContent);
    await ana.follow('link', command);
    assert(/applied/.test(await ana.text()), 'the command is not told as applied');

    await ana.open('/commands');
    await ana.fill('input[name="id"]', command);
    await ana.follow('button', 'Follow');
    assert(/applied/.test(await ana.text()), 'an id that was typed is not followed');
    assert((await ana.count('main script')) === 0 && !(await ana.page.evaluate(() => window.pwned)), 'a stored script runs');
  });
  return 'a contact was found and its command followed; markup stayed text';
});
