// The page /docs in Chromium: it shows the operations, "Try it out" gets a live answer, and nothing leaves the origin, breaks
// the content security policy or is an error on the console. usage: node docs-page.cjs API_URL PATH SCREENSHOT KEY,
// PATH being that of the list to try, KEY an API key, which is entered at "Authorize".
const { withPage, watch, main } = require('./chromium.cjs');

const [api, path, screenshot, key] = process.argv.slice(2);
const OPERATION = `.opblock-get:has(.opblock-summary-path[data-path="${path}"])`;

async function tryAnOperation(page) {
  await page.goto(`${api}/docs`, { waitUntil: 'networkidle0' });
  await page.waitForSelector(`${OPERATION} .opblock-summary-control`);
  const operations = (await page.$$('.opblock')).length;
  await page.click('.scheme-container .authorize');
  const field = '.auth-container input[type="text"], .auth-container input[type="password"]';
  await page.waitForSelector(field);
  // Of the ways to say who one is, the key's is the one that names its header.
  for (const way of await page.$$('.auth-container')) {
    const input = await way.$('input');
    if (input && (await way.evaluate((element) => element.textContent)).includes('X-Api-Key')) {
      await input.type(key);
      await (await way.$('button.authorize')).click();
    }
  }
  await page.click('.auth-container .btn-done, .dialog-ux .close-modal');
  await page.click(`${OPERATION} .opblock-summary-control`);
  await page.waitForSelector(`${OPERATION} .try-out__btn`);
  // The page may have opened it for trying already; then the button would take that back.
  if (!(await page.$(`${OPERATION} .execute`))) {
    await page.click(`${OPERATION} .try-out__btn`);
  }
  await page.waitForSelector(`${OPERATION} .execute`);
  await page.click(`${OPERATION} .execute`);
  const answer = await page.waitForSelector(`${OPERATION} .live-responses-table .response .response-col_status`);
  const status = (await answer.evaluate((cell) => cell.textContent)).trim().slice(0, 3);
  await page.waitForNetworkIdle();
  await answer.scrollIntoView();
  await page.screenshot({ path: screenshot });
  return { operations, status };
}

main(async () => {
  const faults = [];
  const requests = [];
  let seen;
  await withPage(async (page) => {
    await page.setViewport({ width: 1280, height: 1000 });
    await watch(page, new Set([new URL(api).origin]), faults, (request, url) => requests.push(`${request.method()} ${url.pathname}`));
    seen = await tryAnOperation(page).catch((error) => {
      throw new Error([error.message, ...faults].join('\n'));
    });
  });
  if (!/^2\d\d$/.test(seen.status)) {
    faults.push(`the operation was answered ${seen.status}`);
  }
  if (!requests.includes(`GET ${path}`)) {
    faults.push('the page has not called the API');
  }
  if (faults.length) {
    throw new Error(faults.join('\n'));
  }
  return `${seen.operations} operations; one was tried and answered ${seen.status}; ${requests.length} requests, none off the origin`;
});
