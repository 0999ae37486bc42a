// Debian's Chromium, driven by puppeteer-core; what both tests in a browser have in common.
const { tmpdir } = require('node:os');
const puppeteer = require('puppeteer-core');

// The most that one wait in a page may take, in milliseconds.
const PATIENCE_MS = 20_000;

// Hands a page to `use`, and ends the browser whatever happens. Chromium's sandbox does not work for root.
async function withPage(use) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CONTATO_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--headless=new', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: { ...process.env, HOME: process.env.CONTATO_CHROMIUM_HOME ?? tmpdir() },
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await use(page);
  } finally {
    await browser.close();
  }
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

module.exports = { withPage, main };
