// Debian's Chromium, driven by puppeteer-core; what all tests in a browser have in common.
const { tmpdir } = require('node:os');
const puppeteer = require('puppeteer-core');

// The most that one wait in a page may take, in milliseconds.
const PATIENCE_MS = 20_000;

// Hands a browser to `use`, and ends it whatever happens. Chromium's sandbox does not work for root.
async function withBrowser(use) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CONTATO_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--headless=new', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: { ...process.env, HOME: process.env.CONTATO_CHROMIUM_HOME ?? tmpdir() },
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

// The same with a page.
async function withPage(use) {
  return withBrowser(async (browser) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    return use(page);
  });
}

// Notes what a page must not do: errors on its console, exceptions, what its policy forbids, requests off the origins, a set.
// These are stopped, so that the check itself sends none. `sent` is told of the others. That a page is a refusal is no fault.
async function watch(page, origins, faults, sent = () => {}) {
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource: the server responded')) {
      faults.push(`on the console: ${message.text()} ${message.location().url ?? ''}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400 && response.request().resourceType() !== 'document') {
      faults.push(`${response.status()} for ${response.url()}`);
    }
  });
  await page.exposeFunction('violated', (text) => faults.push(text));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.violated(`the policy forbids ${event.blockedURI} (${event.effectiveDirective})`);
    });
  });
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol === 'data:' || url.protocol === 'blob:') {
      request.continue();
    } else if (origins.has(url.origin)) {
      sent(request, url);
      request.continue();
    } else {
      faults.push(`a request leaves the origin: ${request.url()}`);
      request.abort();
    }
  });
}

// Runs a test: what it throws is told in one line and fails the process.
function main(test) {
  test().then(
    (said) => console.log(said),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}

module.exports = { PATIENCE_MS, withBrowser, withPage, watch, main };
