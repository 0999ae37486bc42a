// A page of another origin in Chromium calls the API: one that lists its origin answers, one that does not is refused by the
// browser, and nothing is written. usage: node cors.cjs PORT LISTING_API_URL OTHER_API_URL
const { createServer } = require('node:http');
const assert = require('node:assert/strict');
const { withPage, main } = require('./chromium.cjs');

const [port, listing, other] = process.argv.slice(2);
// The same server under another name is another origin, which no API lists.
const LISTED = `http://127.0.0.1:${port}`;
const UNLISTED = `http://localhost:${port}`;

function servePage() {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end('<!doctype html><link rel="icon" href="data:,"><title>another origin</title>');
  });
  return new Promise((resolve) => server.listen(Number(port), () => resolve(server)));
}

// In the page: writes, follows the command, reads, reads again, changes. Says what a script could read of each answer.
async function story(api, email) {
  const call = async (method, path, headers = {}, body = undefined) => {
    const response = await fetch(path.startsWith('http') ? path : api + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return {
      status: response.status,
      type: response.type,
      headers: Object.fromEntries(response.headers),
      body: text && JSON.parse(text),
    };
  };
  const json = { 'Content-Type': 'application/json' };
  const created = await call(
    'POST',
    '/v1/contacts',
    { ...json, 'Idempotency-Key': email, 'X-Request-Id': 'cors-1' },
    { name: 'Ana Souza', email },
  );
  const command = await call('GET', created.headers['operation-location'], { Prefer: 'wait=20' });
  const path = command.body.links.contact;
  const read = await call('GET', path);
  // Without its own cache in between, the browser hands the 304 to the script.
  const again = await call('GET', path, { 'If-None-Match': read.headers.etag });
  const patched = await call(
    'PATCH',
    path,
    { 'Content-Type': 'application/merge-patch+json', 'If-Match': read.headers.etag, Prefer: 'wait=20' },
    { name: 'Ana Lima' },
  );
  const page = await call('GET', '/v1/contacts?limit=1&updatedSince=2020-01-01T00:00:00Z');
  const refused = await call('POST', '/v1/contacts', json, { name: 'A' });
  const deleted = await call('DELETE', path, { Prefer: 'wait=20' });
  return { created, command, read, again, patched, page, refused, deleted };
}

// In the page: what the browser makes of one simple and one preflighted request.
async function attempt(api, email) {
  const outcome = (promise) => promise.then((response) => `answered ${response.status}`, (error) => error.name);
  return [
    await outcome(fetch(`${api}/v1/contacts`)),
    await outcome(
      fetch(`${api}/v1/contacts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'Ana Souza', email }),
      }),
    ),
  ];
}

function checkStory({ created, command, read, again, patched, page, refused, deleted }) {
  const statuses = [created, command, read, again, patched, page, refused, deleted].map(({ status }) => status);
  assert.deepEqual(statuses, [202, 200, 200, 304, 200, 200, 422, 204]);
  assert.equal(created.type, 'cors');
  assert.equal(command.body.status, 'applied');
  assert.equal(created.headers.location, command.body.links.self);
  assert.equal(created.headers['x-request-id'], 'cors-1');
  assert.match(read.headers.etag, /^"[^"]+"$/);
  assert.equal(patched.body.name, 'Ana Lima');
  assert.match(patched.headers['preference-applied'], /wait=20/);
  for (const { headers } of [created, read, page, refused]) {
    assert.match(headers.ratelimit, /^"default";r=\d+;t=\d+$/);
    assert.match(headers['ratelimit-policy'], /^"default";q=\d+;w=\d+$/);
  }
  assert.match(refused.body.type, /#validation-failed$/);
}

// What the API itself says, asked without a browser.
async function checkPreflight(api, origin, allowed) {
  const response = await fetch(`${api}/v1/contacts`, {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' },
  });
  assert.equal(response.headers.get('access-control-allow-origin'), allowed ? origin : null, `${api} to ${origin}`);
  assert.notEqual(response.headers.get('access-control-allow-credentials'), 'true');
}

async function noneHas(api, email) {
  const response = await fetch(`${api}/v1/contacts?email=${email}`);
  assert.deepEqual((await response.json()).items, [], `a refused request wrote to ${api}`);
}

main(async () => {
  const run = `cors-${Date.now()}`;
  const server = await servePage();
  try {
    await withPage(async (page) => {
      await page.goto(LISTED);
      checkStory(await page.evaluate(story, listing, `${run}@example.com`));
      assert.deepEqual(await page.evaluate(attempt, other, `${run}-2@example.com`), ['TypeError', 'TypeError']);
      await page.goto(UNLISTED);
      assert.deepEqual(await page.evaluate(attempt, listing, `${run}-3@example.com`), ['TypeError', 'TypeError']);
    });
    await checkPreflight(listing, LISTED, true);
    await checkPreflight(listing, UNLISTED, false);
    await checkPreflight(other, LISTED, false);
    await noneHas(other, `${run}-2@example.com`);
    await noneHas(listing, `${run}-3@example.com`);
  } finally {
    server.close();
  }
  return 'the listed origin writes and reads, every other is refused and writes nothing';
});
