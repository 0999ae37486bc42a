// Signing in at an OpenID provider and what its tokens allow. usage: node openid.cjs CONSOLE ISSUER, which is issuer.cjs.
const { main } = require('../api/chromium.cjs');
const { assert, withPeople } = require('./desk.cjs');
const { cookiesAreGuarded, signedInAs } = require('./session.cjs');

const [console_, issuer] = process.argv.slice(2);

async function signIn(person, name) {
  person.origins.add(new URL(issuer).origin);
  await person.follow('link', 'Sign in with your organisation');
  assert(person.page.url().startsWith(issuer), `the way to the issuer leads to ${person.page.url()}`);
  await person.fill('input[name="name"]', name);
  await person.follow('button', 'Go');
  await person.until(/./);
}

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/inbox');
    await signIn(ana, 'ana');
    assert(ana.path === '/inbox', `signing in leads to ${ana.path}`);
    await signedInAs(ana, 'ana');
    await cookiesAreGuarded(ana);
    assert((await ana.count('nav a[href="/audit"]')) === 1, 'not all that she may see is offered');
    await ana.follow('button', 'Sign out');
    await ana.open('/inbox');
    assert(ana.path.startsWith('/sign-in'), 'she is still in');

    const rui = await come();
    await rui.open('/inbox');
    await signIn(rui, 'rui');
    await signedInAs(rui, 'rui');
    assert((await rui.count('nav a[href="/audit"], nav a[href="/contacts"]')) === 0, 'what he may not see is offered');
    assert((await rui.open('/contacts')) === 403, 'a page is not refused');
  });
  return 'in at an OpenID provider and out; its scopes count';
});
