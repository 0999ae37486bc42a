// The keys of one character: help, pages, lists, filters, ticking, and turning them off. usage: node keys.cjs CONSOLE
// There are at least two groups in the inbox.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);
const focus = (person) => person.page.evaluate(() => document.activeElement?.closest('tr, li')?.textContent ?? document.activeElement?.name ?? '');
const helpIsOpen = (person) => person.page.$eval('#keys', (dialog) => dialog.open);

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/inbox');

    await ana.press('?');
    assert(await helpIsOpen(ana), '? opens no help');
    await ana.press('g', 'd');
    assert(ana.path === '/inbox', 'keys work behind the help');
    await ana.press('Escape');
    assert(!(await helpIsOpen(ana)), 'Escape leaves the help open');

    await ana.press('j');
    const first = await focus(ana);
    await ana.press('j');
    const second = await focus(ana);
    assert(first && second && first !== second, 'j does not go from one to the next');
    await ana.press('k');
    assert((await focus(ana)) === first, 'k does not go back');

    await ana.press('/');
    assert((await focus(ana)) === 'reason', '/ does not go to the first filter');
    await ana.press('g', 'o');
    assert(ana.path === '/inbox', 'keys work while somebody fills in a field');
    await ana.page.evaluate(() => document.activeElement.blur());

    await ana.followKeys('g', 'i');
    await ana.followKeys('g', 'd');
    assert(ana.path === '/dead-letters', 'g d does not lead to the dead letters');
    await ana.press('j', 'x');
    assert((await ana.page.$$('main tbody input:checked')).length === 1, 'x does not tick');
    await ana.page.click('.tick-all input');
    const [boxes, ticked] = [await ana.page.$$('main tbody input'), await ana.page.$$('main tbody input:checked')];
    assert(boxes.length === ticked.length, 'not all are ticked');

    // Off by choice, also on the next page; a button still opens the help.
    await (await ana.find('button', 'Keys ?')).click();
    await ana.page.click('#keys input[name="off"]');
    await ana.press('Escape');
    await ana.press('?');
    assert(!(await helpIsOpen(ana)), '? works though keys are off');
    await ana.open('/inbox');
    await ana.press('?', 'j');
    assert(!(await helpIsOpen(ana)), 'keys are on again on the next page');
  });
  return 'help, pages, lists, filters and ticks by keys; and without keys, by choice';
});
