// An OpenID provider on this machine, made of oidc-provider: it knows "ana", who may do everything, and "rui", who may look at
// dead letters. Its access tokens are JWTs for api://contato. usage: node issuer.cjs PORT REDIRECT_URI; it says when it listens.
const { generateKeyPairSync } = require('node:crypto');
const { Provider } = require('oidc-provider');

const [port, redirect] = process.argv.slice(2);
const AUDIENCE = 'api://contato';
const EVERYTHING = ['contacts.read', 'contacts.write', 'dead-letters.read', 'dead-letters.replay', 'dead-letters.edit', 'dead-letters.reveal', 'audit.read'];
const SCOPES = { ana: EVERYTHING, rui: ['dead-letters.read'] };

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: 'console', redirect_uris: [redirect], token_endpoint_auth_method: 'none' }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'one' }] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: [crypto.randomUUID()] },
  scopes: ['openid'],
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/in/${interaction.uid}` },
  // Nobody is asked for consent: what somebody may do is decided here.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid');
    grant.addResourceScope(AUDIENCE, SCOPES[oidc.session.accountId].join(' '));
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: ({ oidc }) => ({
        scope: (SCOPES[oidc.session?.accountId] ?? EVERYTHING).join(' '),
        audience: AUDIENCE,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

// The page to sign in on: a name, and no password.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/in/')) {
    return next();
  }
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = '<!DOCTYPE html><title>Issuer</title><link rel="icon" href="data:,"><form method="post"><label>Name <input name="name"></label><button>Go</button></form>';
    return undefined;
  }
  let body = '';
  for await (const piece of ctx.req) {
    body += piece;
  }
  const login = { accountId: new URLSearchParams(body).get('name') };
  ctx.respond = false;
  return provider.interactionFinished(ctx.req, ctx.res, { login });
});

provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
