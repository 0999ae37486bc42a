// A wrong phone is corrected, checked and sent; markup in a name stays text on every page it comes to.
// usage: node edit.cjs CONSOLE, there being one that is unstorable for its phone.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);
const NAME = '<img src=x onerror="window.pwned=1"><b>Ensaio</b>';

async function isText(person) {
  assert((await person.count('main img, main b b')) === 0, `markup on ${person.path}`);
  assert(!(await person.page.evaluate(() => window.pwned)), `what somebody stored runs on ${person.path}`);
}

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/dead-letters?reason=unstorable&state=open');
    await ana.followFirst('main tbody a[href^="/dead-letters/"]');
    await ana.follow('link', 'Correct and send…');
    await ana.fill('input[name="name"]', NAME);
    await ana.fill('input[name="phone"]', '12');
    await ana.follow('button', 'Check');
    assert((await ana.count('input[name="phone"][aria-invalid="true"]')) === 1, 'a wrong phone is taken');
    assert((await ana.page.$eval('input[name="name"]', (field) => field.value)) === NAME, 'what was typed is lost');
    await isText(ana);

    await ana.fill('input[name="phone"]', '(11) 98765-4321');
    await ana.follow('button', 'Check');
    assert(/Sent, it would apply/.test(await ana.text()), 'the check does not say what it would come to');
    await isText(ana);
    await ana.follow('button', 'Send the corrected one');
    await ana.until(/State\s+resolved/);
    await isText(ana);

    await ana.follow('link', 'Open the contact');
    assert((await ana.text()).includes(NAME), 'the contact does not have the name');
    await isText(ana);
    await ana.open('/dead-letters?reason=unstorable&state=replaced');
    assert((await ana.count('main tbody tr')) > 0, 'the original is not kept');
  });
  return 'a phone was corrected, and what was sent applied; markup stayed text';
});
