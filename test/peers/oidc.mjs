// SPDX-License-Identifier: Apache-2.0
//
// Runs an OpenID provider. Its one argument is JSON: {clients, accounts, scopes, authPath, tokenPath, pkceRequired}. clients are as oidc-provider takes
// them; accounts are claims by sign-in name, and anybody without any is called by the name they type; those under "userinfo" are said at
// that endpoint alone. Any password will do. Writes one line of JSON when it is ready; ends when its standard input does.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Provider } from 'oidc-provider';

const options = JSON.parse(process.argv[2] ?? '{}');
const accounts = options.accounts ?? {};
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: options.clients,
  scopes: ['openid', 'offline_access', ...(options.scopes ?? [])],
  claims: { openid: ['sub'], email: ['email', 'email_verified', 'xms_edov'], profile: ['name', 'groups', 'locale'] },
  conformIdTokenClaims: false,
  pkce: { required: () => options.pkceRequired ?? true },
  features: {
    introspection: { enabled: true }, revocation: { enabled: true }, devInteractions: { enabled: true }, deviceFlow: { enabled: true },
  },
  routes: { authorization: options.authPath ?? '/auth', token: options.tokenPath ?? '/token' },
  // As the strictest networks do it: a refresh token is good for one use, and a second use ends the whole family.
  rotateRefreshToken: true,
  findAccount: (_, id) => ({
    accountId: id,
    claims: (use) => {
      const { userinfo, ...said } = accounts[id] ?? {};
      return { sub: id, ...said, ...(use === 'userinfo' ? userinfo : {}) };
    },
  }),
});
server.on('request', provider.callback());
process.stdout.write(JSON.stringify({ url: issuer }) + '\n');
process.stdin.on('end', () => process.exit(0)).resume();
