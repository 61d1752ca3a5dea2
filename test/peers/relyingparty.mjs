// SPDX-License-Identifier: Apache-2.0
//
// Runs a web application that people sign in to, with the certified library openid-client. Its one argument is JSON: {port, issuer, clientID,
// clientSecret, scope, logout}. Without clientSecret it is a public client; logout is where people are sent after they have signed out. Writes
// one line of JSON when it is ready; ends when its standard input does.
//
//   GET  /login                 begins a sign-in; its parameters are added to the request
//   GET  /callback              ends it
//   GET  /me                    {claims, userinfo}: who is signed in; 401 if nobody is
//   POST /refresh               {claims}: new tokens; 401 if the provider gives none
//   POST /introspect            what the provider says of the access token
//   POST /revoke                gives the refresh token back
//   GET  /logout                signs out, here and at the provider
//   POST /backchannel-logout    what the provider calls
import { createServer } from 'node:http';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import * as client from 'openid-client';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const options = JSON.parse(process.argv[2]);
const server = createServer().listen(options.port, '127.0.0.1');
await once(server, 'listening');
const self = new URL(`http://127.0.0.1:${server.address().port}`);

const config = await client.discovery(new URL(options.issuer), options.clientID, options.clientSecret,
  options.clientSecret ? client.ClientSecretBasic(options.clientSecret) : client.None(),
  // The endpoints of a portal on this machine are on http.
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] });
const metadata = config.serverMetadata();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

// What a browser is doing, and who it is signed in as, by its cookie.
const flows = new Map();
const sessions = new Map();

async function begin(browser, parameters) {
  const verifier = client.randomPKCECodeVerifier();
  const flow = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const request = {
    ...Object.fromEntries(parameters), redirect_uri: new URL('/callback', self).href, scope: options.scope ?? 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: flow.expectedState, nonce: flow.expectedNonce,
  };
  if (request.max_age) flow.maxAge = Number(request.max_age);
  flows.set(browser, flow);
  return client.buildAuthorizationUrl(config, request);
}

async function end(browser, url) {
  const flow = flows.get(browser);
  flows.delete(browser);
  const tokens = await client.authorizationCodeGrant(config, url, { ...flow, idTokenExpected: true });
  const claims = tokens.claims();
  sessions.set(browser, { tokens, claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub) });
}

async function refresh(session) {
  session.tokens = { ...session.tokens, ...await client.refreshTokenGrant(config, session.tokens.refresh_token) };
  const payload = session.tokens.id_token.split('.')[1];
  session.claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
}

// OpenID Connect Back-Channel Logout 1.0, 2.6
async function endedElsewhere(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: metadata.issuer, audience: options.clientID, typ: 'logout+jwt', requiredClaims: ['iat', 'jti', 'events'],
  });
  if (typeof payload.events['http://schemas.openid.net/event/backchannel-logout'] !== 'object') throw new Error('no event');
  if ('nonce' in payload) throw new Error('a logout token with a nonce');
  if (!payload.sub && !payload.sid) throw new Error('nobody is named');
  for (const [browser, { claims }] of sessions) {
    if (payload.sid ? claims.sid === payload.sid : claims.sub === payload.sub) sessions.delete(browser);
  }
}

async function answer(request, response) {
  const url = new URL(request.url, self);
  const cookie = /(?:^|; )rp=([\w-]+)/.exec(request.headers.cookie ?? '');
  const browser = cookie ? cookie[1] : randomUUID();
  if (!cookie) response.setHeader('Set-Cookie', `rp=${browser}; HttpOnly; SameSite=Lax; Path=/`);
  const session = sessions.get(browser);
  const redirect = (to) => response.writeHead(303, { Location: to }).end();
  const json = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /login': return redirect(await begin(browser, url.searchParams));
    case 'GET /callback': await end(browser, url); return redirect('/me');
    case 'POST /backchannel-logout': {
      let body = '';
      for await (const chunk of request) body += chunk;
      await endedElsewhere(new URLSearchParams(body).get('logout_token'));
      return json(200, {});
    }
  }
  if (!session) return json(401, { error: 'nobody is signed in' });
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /me': return json(200, { claims: session.claims, userinfo: session.userinfo });
    case 'POST /refresh': await refresh(session); return json(200, { claims: session.claims });
    case 'POST /introspect': return json(200, await client.tokenIntrospection(config, session.tokens.access_token));
    case 'POST /revoke': await client.tokenRevocation(config, session.tokens.refresh_token); return json(200, {});
    case 'GET /logout':
      sessions.delete(browser);
      return redirect(client.buildEndSessionUrl(config, {
        id_token_hint: session.tokens.id_token, ...(options.logout ? { post_logout_redirect_uri: options.logout } : {}),
      }));
    default: return json(404, { error: 'not here' });
  }
}

server.on('request', (request, response) => answer(request, response).catch((error) => {
  response.writeHead(error.status === undefined || error.error ? 401 : 500, { 'Content-Type': 'application/json' })
    .end(JSON.stringify({ error: error.error ?? error.message, description: error.error_description, code: error.code }));
}));
process.stdout.write(JSON.stringify({ url: self.origin }) + '\n');
process.stdin.on('end', () => process.exit(0)).resume();
