// One is put aside and back from its page, many from the list. usage: node archive.cjs CONSOLE, there being two undecodable.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);
const list = (state) => `/dead-letters?reason=undecodable&state=${state}`;

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    const rows = () => ana.count('main tbody tr');
    await ana.open(list('open'));
    const before = await rows();
    assert(before > 1, `there are ${before}`);

    await ana.followFirst('main tbody a[href^="/dead-letters/"]');
    await ana.follow('button', 'Archive');
    assert(/State\s+archived/.test(await ana.text()), 'it is not archived');
    await ana.follow('button', 'Restore');
    assert(/State\s+open/.test(await ana.text()), 'it is not open again');

    await ana.open(list('open'));
    await ana.page.click('.tick-all input');
    await ana.followFirst('form:has(table) button[value="archive"]');
    await ana.follow('button', `Archive: ${before} dead letters`);
    await ana.open(list('open'));
    assert((await rows()) === 0, 'some are still open');

    await ana.open(list('archived'));
    assert((await rows()) === before, 'not all are archived');
    await ana.followFirst('form:not(:has(table)) button[value="restore"]');
    await ana.follow('button', `Restore: ${before} dead letters`);
    await ana.open(list('open'));
    assert((await rows()) === before, 'not all are open again');
  });
  return 'one, and many, were archived and restored';
});
