// A session that has ended in the middle of work: nothing is done, and a page that is open says so.
// usage: node expired.cjs CONSOLE PASSWORDS DATABASE, the file that the sessions are in.
const { DatabaseSync } = require('node:sqlite');
const { main } = require('../api/chromium.cjs');
const { assert, passwordsIn, signIn, withPeople } = require('./desk.cjs');

const [console_, file, database] = process.argv.slice(2);
const passwords = passwordsIn(file);

// Every session was last seen long ago.
function letSessionsEnd() {
  const sessions = new DatabaseSync(database, { timeout: 10_000 });
  const { changes } = sessions.prepare("UPDATE console_sessions SET seen_at = '2000' || substr(seen_at, 5)").run();
  assert(changes > 0, 'there is no session');
  sessions.close();
}

main(async () => {
  await withPeople(console_, async (come) => {
    const ana = await come();
    await ana.open('/dead-letters?reason=store-refused&state=open');
    await signIn(ana, 'ana', passwords.ana);
    await ana.followFirst('main tbody a[href^="/dead-letters/"]');
    const { path } = ana;
    letSessionsEnd();
    await ana.follow('button', 'Archive');
    assert(ana.path.startsWith('/sign-in'), `an act without a session leads to ${ana.path}`);
    assert(/Your session has ended/.test(await ana.text()), 'it is not told that the session has ended');
    await signIn(ana, 'ana', passwords.ana);
    assert(ana.path === path, `signing in again leads to ${ana.path}, not back to ${path}`);
    assert(/State\s+open/.test(await ana.text()), 'the act was done without a session');

    // What is kept fresh does not go on by itself.
    await ana.open('/');
    letSessionsEnd();
    await ana.until(/Your session has ended/);
    ana.faults = ana.faults.filter((fault) => !fault.startsWith('401 for'));
  });
  return 'a session that has ended does nothing, and says so';
});
