// What holds for a session however somebody signed in.
const { assert } = require('./desk.cjs');

async function signedInAs(person, name) {
  const who = await person.text('.who');
  assert(who.includes(name), `the page says that ${who} has signed in`);
}

// Every cookie is bound to this origin and out of reach: of scripts, of other sites' requests, of plain connections.
async function cookiesAreGuarded(person) {
  const cookies = await person.context.cookies();
  const ours = cookies.filter(({ name }) => name.includes('contato'));
  assert(ours.length > 0, 'there is no cookie');
  for (const { name, httpOnly, secure, sameSite, path } of ours) {
    const guarded = name.startsWith('__Host-') && httpOnly && secure && path === '/';
    // Somebody comes back from an issuer by a link on another site.
    const own = sameSite === 'Strict' || (name === '__Host-contato-sign-in' && sameSite === 'Lax');
    assert(guarded && own, `the cookie ${name}: ${JSON.stringify({ httpOnly, secure, sameSite, path })}`);
  }
}

module.exports = { signedInAs, cookiesAreGuarded };
