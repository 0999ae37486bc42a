// Language, theme and times. usage: node choices.cjs CONSOLE, there being something in the inbox.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');

const [console_] = process.argv.slice(2);
const ground = (person) => person.page.$eval('body', (body) => getComputedStyle(body).backgroundColor);
const DARK = 'rgb(14, 19, 17)';

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come({ language: 'pt-BR,pt;q=0.9,en;q=0.5' });
    await ana.page.emulateTimezone('America/Sao_Paulo');
    await ana.open('/inbox');
    assert((await ana.text('h1')) === 'Caixa de entrada', 'the browser asks for Portuguese');

    const [local, utc, at] = await ana.page.$eval('time', (time) => [time.textContent, time.title, time.dateTime]);
    const hour = new Date(Date.parse(at) - 3 * 3600_000).toISOString().slice(11, 13);
    assert(/UTC$/.test(utc), `UTC is not shown on hover: ${utc}`);
    assert(new RegExp(`^\\d\\d/\\d\\d/\\d{4} ${hour}:`).test(local), `${at} is not told as the reader's time: ${local}`);

    const light = await ground(ana);
    assert(light !== DARK, 'the system says light');
    await ana.page.select('select[name="theme"]', 'dark');
    assert((await ground(ana)) === DARK, 'the theme is not changed at once');
    await ana.becomes(async () => (await ana.context.cookies()).some(({ name }) => name === '__Host-contato-theme'), 'the theme is not kept');
    await ana.page.select('select[name="language"]', 'en');
    await ana.follow('button', 'Aplicar');
    assert((await ana.text('h1')) === 'Inbox', 'the language is not changed');
    assert((await ground(ana)) === DARK, 'the theme is not that of the next page');
  });
  return 'language and theme by choice, times of the reader';
});
