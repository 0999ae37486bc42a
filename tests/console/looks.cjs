// Every page in both languages, light and dark, on a desk and on a phone: axe-core finds nothing, nothing is wider than the
// screen, no text or control of the other language. Leaves a picture of each.
// usage: node looks.cjs CONSOLE FOLDER API, or node looks.cjs CONSOLE FOLDER outside PASSWORDS: pages for who need not sign in, or
// those that there are besides where people do.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { main } = require('../api/chromium.cjs');
const { passwordsIn, withPeople } = require('./desk.cjs');
const { OUTSIDE, PAGES } = require('./pages.cjs');

const [console_, folder, api, file] = process.argv.slice(2);
const given = file ? { passwords: passwordsIn(file) } : { api };
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
const LANGUAGES = ['en', 'pt-BR'];
const THEMES = ['light', 'dark'];
const SCREENS = { desk: [1280, 900], phone: [360, 780] };

async function look(page, where) {
  const { violations } = await page.evaluate((rules) => window.axe.run(document, rules), RULES);
  const found = violations.map(({ id, impact, nodes }) => `${where}: ${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  const wide = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? `${scrollWidth} of ${clientWidth}` : '';
  });
  return wide ? [...found, `${where}: wider than the screen: ${wide}`] : found;
}

main(async () => {
  const found = [];
  let looks = 0;
  const pages = Object.entries(file ? OUTSIDE : PAGES);
  await withPeople(console_, async (come) => {
    for (const language of LANGUAGES) {
      const person = await come({ language });
      const { page } = person;
      for (const [name, go] of pages) {
        await page.setViewport({ width: 1280, height: 900 });
        await go(person, given);
        await page.evaluate(AXE);
        const lang = await page.$eval('html', (html) => html.lang);
        if (lang !== language) {
          found.push(`${name}: in ${lang} instead of ${language}`);
        }
        for (const theme of THEMES) {
          await page.emulateMediaFeatures([
            { name: 'prefers-color-scheme', value: theme },
            { name: 'prefers-reduced-motion', value: 'reduce' },
          ]);
          for (const [screen, [width, height]] of Object.entries(SCREENS)) {
            await page.setViewport({ width, height });
            const where = `${name}-${language}-${theme}-${screen}`;
            found.push(...(await look(page, where)));
            await page.screenshot({ path: join(folder, `${where}.png`), fullPage: name !== 'keys' });
            looks += 1;
          }
        }
      }
    }
  });
  if (found.length) {
    throw new Error(found.join('\n'));
  }
  return `${pages.length} pages, looked at ${looks} times: nothing to find`;
});
