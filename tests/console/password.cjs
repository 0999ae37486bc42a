// Signing in with an operator's password, what scopes show and refuse, and signing out.
// usage: node password.cjs CONSOLE PASSWORDS: those of "ana", who has every scope, and of "rui" with dead-letters.read.
const { main } = require('../api/chromium.cjs');
const { assert, passwordsIn, signIn, withPeople } = require('./desk.cjs');
const { cookiesAreGuarded, signedInAs } = require('./session.cjs');

const [console_, file] = process.argv.slice(2);
const passwords = passwordsIn(file);

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/dead-letters?reason=store-refused');
    assert(ana.path.startsWith('/sign-in'), `who has not signed in sees ${ana.path}`);
    assert((await ana.count('header nav a, .who')) === 0, 'pages are offered to nobody');
    await signIn(ana, 'ana', 'not the password');
    assert(/do not belong together/.test(await ana.text()), 'a wrong password is not told as such');
    await signIn(ana, 'ana', passwords.ana);
    assert(ana.path === '/dead-letters?reason=store-refused', `signing in leads to ${ana.path}`);
    await signedInAs(ana, 'ana');
    await cookiesAreGuarded(ana);

    // Two windows of one browser: what one has signed out of has ended in the other, too.
    const other = await ana.context.newPage();
    await other.goto(new URL('/inbox', console_));
    await ana.page.bringToFront();
    await ana.follow('button', 'Sign out');
    assert(/You have signed out/.test(await ana.text('h1')), 'signing out is not told');
    await other.goto(new URL('/inbox', console_));
    assert(new URL(other.url()).pathname === '/sign-in', 'a session goes on after its end');

    const rui = await come();
    await rui.open('/inbox');
    await signIn(rui, 'rui', passwords.rui);
    assert((await rui.count('nav a[href="/contacts"], nav a[href="/audit"]')) === 0, 'what he may not see is offered');
    await rui.open('/dead-letters?reason=store-refused&state=open');
    await rui.followFirst('main tbody a[href^="/dead-letters/"]');
    assert((await rui.count('form[action$="/replay"], form[action$="/reveal"], a[href$="/edit"]')) === 0, 'acts are offered that he may not do');
    assert((await rui.open('/audit')) === 403, 'a page is not refused');
    assert(/audit\.read/.test(await rui.text()), 'the refusal does not say what is missing');
    const status = await rui.page.evaluate(async () => {
      const body = new URLSearchParams({ csrf: document.querySelector('input[name="csrf"]').value });
      return (await fetch(location.pathname.replace('audit', 'dead-letters/acts'), { method: 'POST', body })).status;
    });
    assert(status === 403, `an act that he may not do is answered ${status}`);
    rui.faults = rui.faults.filter((fault) => !fault.startsWith('403 for'));
  });
  return 'in with a password, out, and what scopes do not allow is neither offered nor done';
});
