// The bank's identity provider of the example server, driven by `oauth4webapi`, which is certified by the OpenID
// Foundation and knows nothing of this crate.
//
//   node oauth4webapi.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import {
  API, API_SECRET, checks, formOf, halfHash, jwtPart, logIn, MOBILE, OTHER, OTHER_SECRET, PASSWORD, PORTAL, PORTAL_SECRET, target, TELEVISION, USER, versionOf,
} from './checks.mjs';

const issuer = new URL(process.argv[2]);
const { check, done } = checks(`oauth4webapi ${versionOf(import.meta.url, 'oauth4webapi')}`);
const http = { [oauth.allowInsecureRequests]: true };
const SCOPE = 'apps email openid profile webhooks';
// Any port of the loopback address will do (RFC 8252 section 7.3).
const CALLBACK = 'http://127.0.0.1:49321/callback';
const MAX_AGE = 60;

const portal = { client_id: PORTAL, id_token_signed_response_alg: 'HS256', require_auth_time: true };
const mobile = { client_id: MOBILE, id_token_signed_response_alg: 'RS256', require_auth_time: true };
const basic = oauth.ClientSecretBasic(PORTAL_SECRET);
const post = oauth.ClientSecretPost(PORTAL_SECRET);

/** A client, by what it proves itself with. */
const WAYS = [
  ['the portal, client_secret_basic', portal, basic],
  ['the portal, client_secret_post', portal, post],
  ['the public client', mobile, oauth.None()],
];

let as;
for (const algorithm of ['oauth2', 'oidc']) {
  await check(`discovery by ${algorithm}`, async () => {
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...http });
    as = await oauth.processDiscoveryResponse(issuer, response);
    assert.equal(as.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(as.response_types_supported, ['code']);
    assert.ok(as.code_challenge_methods_supported.includes('S256'));
    assert.ok(!as.code_challenge_methods_supported.includes('plain'));
    assert.ok(as.token_endpoint_auth_methods_supported.includes('client_secret_basic'));
    if (algorithm === 'oidc') {
      for (const alg of ['RS256', 'HS256']) assert.ok(as.id_token_signing_alg_values_supported.includes(alg));
      assert.deepEqual(as.subject_types_supported, ['public']);
    }
  });
}
if (!as) {
  done();
  process.exit(1);
}
const resourceUrl = new URL('/oauth2/resource', issuer);

/** A new authorization request, and what the client remembers of it. `undefined` leaves a parameter out. */
async function ask(client, changes = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const asked = { verifier, state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), redirectUri: CALLBACK };
  const parameters = {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: asked.redirectUri,
    scope: SCOPE,
    state: asked.state,
    nonce: asked.nonce,
    max_age: String(MAX_AGE),
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...changes,
  };
  asked.url = new URL(as.authorization_endpoint);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) asked.url.searchParams.set(name, value);
  }
  return asked;
}

/** The parameters of a redirect, once the library has found state and issuer in order. */
const accept = (client, asked, url) => oauth.validateAuthResponse(as, client, url, asked.state);

/** Asks, logs in, and takes the code. */
async function authorize(client, changes) {
  const asked = await ask(client, changes);
  const url = target(await logIn(asked.url));
  assert.equal(url.origin + url.pathname, asked.redirectUri);
  return { ...asked, parameters: accept(client, asked, url) };
}

const redeem = (client, auth, code, verifier = code.verifier) =>
  oauth.authorizationCodeGrantRequest(as, client, auth, code.parameters, code.redirectUri, verifier, http);

/** The whole flow, up to the tokens. */
async function session(client, auth, changes) {
  const code = await authorize(client, changes);
  const response = await redeem(client, auth, code);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: code.nonce,
    maxAge: MAX_AGE,
    requireIdToken: true,
  });
  return { code, response, tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
}

async function refresh(client, auth, token, additionalParameters) {
  const response = await oauth.refreshTokenGrantRequest(as, client, auth, token, { additionalParameters, ...http });
  const tokens = await oauth.processRefreshTokenResponse(as, client, response);
  return { response, tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
}

async function introspect(auth, token) {
  const response = await oauth.introspectionRequest(as, portal, auth, token, http);
  return oauth.processIntrospectionResponse(as, portal, response);
}

async function revoke(client, auth, token) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, http));
}

async function resource(token) {
  const response = await oauth.protectedResourceRequest(token, 'GET', resourceUrl, undefined, undefined, http);
  return response.json();
}

/** An error of the server, with that code. */
const refuses = (promise, error, status) =>
  assert.rejects(promise, (caught) => {
    assert.ok(caught instanceof oauth.ResponseBodyError, caught);
    assert.equal(caught.error, error);
    if (status) assert.equal(caught.status, status);
    return true;
  });

/** A 401 with a challenge: `invalid_client` by Basic, `invalid_token` at a resource. */
const challenges = (promise, scheme, error) =>
  assert.rejects(promise, (caught) => {
    assert.ok(caught instanceof oauth.WWWAuthenticateChallengeError, caught);
    assert.equal(caught.status, 401);
    assert.equal(caught.cause[0].scheme, scheme);
    assert.equal(caught.cause[0].parameters.error, error);
    return true;
  });

/** That no token of a session works any more. */
async function isOver(client, auth, { access_token: access, refresh_token: token }) {
  await refuses(refresh(client, auth, token), 'invalid_grant', 400);
  await challenges(resource(access), 'bearer', 'invalid_token');
  assert.deepEqual(await introspect(basic, access), { active: false });
  assert.deepEqual(await introspect(basic, token), { active: false });
}

/** The signature of an ID token: by the JWKS, or by the client's secret, which the library leaves to the connection. */
async function verifyIdToken(client, { response, tokens }) {
  if (client === mobile) return oauth.validateApplicationLevelSignature(as, response, http);
  const [header, claims, signature] = tokens.id_token.split('.');
  assert.equal(createHmac('sha256', PORTAL_SECRET).update(`${header}.${claims}`).digest('base64url'), signature);
}

async function verifyAccessToken(tokens) {
  const request = new Request(resourceUrl, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  return oauth.validateJwtAccessToken(as, request, issuer.origin, http);
}

/** What a client that stops at the redirect is told. */
async function redirectedError(client, changes, answer) {
  const asked = await ask(client, changes);
  const url = target(await (answer ? logIn(asked.url, answer) : fetch(asked.url, { redirect: 'manual' })));
  assert.equal(url.origin + url.pathname, CALLBACK);
  try {
    accept(client, asked, url);
  } catch (error) {
    // Its state and its issuer were looked at before.
    assert.ok(error instanceof oauth.AuthorizationResponseError, error);
    return error.error;
  }
  throw new Error(`no error in ${url}`);
}

for (const [name, client, auth] of WAYS) {
  let first;
  await check(`${name}: the flow, with PKCE, state, issuer, nonce and max_age`, async () => {
    first = await session(client, auth);
    assert.equal(first.tokens.token_type, 'bearer');
    assert.equal(first.tokens.expires_in, 86_400);
    assert.equal(first.tokens.scope, SCOPE);
    assert.match(first.tokens.refresh_token, /^[\w-]{43}$/);
  });
  if (!first) continue;

  await check(`${name}: nobody may keep the answer`, () => {
    assert.equal(first.response.headers.get('cache-control'), 'no-store');
  });
  await check(`${name}: userinfo`, async () => {
    const userinfo = async (token) => oauth.processUserInfoResponse(as, client, USER, await oauth.userInfoRequest(as, client, token, http));
    assert.equal((await userinfo(first.tokens.access_token)).email, 'teste@example.com');
    await challenges(userinfo(first.tokens.refresh_token), 'bearer', 'invalid_token');
  });
  await check(`${name}: the ID token's signature`, () => verifyIdToken(client, first));
  await check(`${name}: the ID token's claims`, () => {
    const { claims } = first;
    assert.equal(claims.sub, USER);
    assert.deepEqual(claims.aud, [client.client_id]);
    assert.equal(claims.email_verified, true);
    assert.equal(claims['custom:origin'], 'admin');
    assert.ok(claims.auth_time <= claims.iat && claims.iat - claims.auth_time < MAX_AGE);
    assert.equal(claims.nonce, first.code.nonce);
  });
  await check(`${name}: at_hash`, () => assert.equal(first.claims.at_hash, halfHash(first.tokens.access_token)));
  await check(`${name}: s_hash`, () => assert.equal(first.claims.s_hash, halfHash(first.code.state)));
  await check(`${name}: the access token at a resource server of its own`, async () => {
    const claims = await verifyAccessToken(first.tokens);
    assert.equal(claims.sub, USER);
    assert.equal(claims.client_id, client.client_id);
    assert.equal(claims.scope, SCOPE);
    assert.equal(claims.exp - claims.iat, 86_400);
    assert.equal(jwtPart(first.tokens.access_token, 0).alg, 'RS256');
  });
  await check(`${name}: the access token for another audience`, async () => {
    const headers = { authorization: `Bearer ${first.tokens.access_token}` };
    const request = new Request(resourceUrl, { headers });
    await assert.rejects(oauth.validateJwtAccessToken(as, request, 'https://elsewhere.example', http), { code: oauth.JWT_CLAIM_COMPARISON });
  });
  await check(`${name}: an ID token is no access token`, () =>
    challenges(resource(first.tokens.id_token), 'bearer', 'invalid_token'));
  await check(`${name}: the resource`, async () => {
    assert.deepEqual(await resource(first.tokens.access_token), { sub: USER, scope: SCOPE });
  });

  let second;
  await check(`${name}: a refresh`, async () => {
    await sleep(1_100);
    second = await refresh(client, auth, first.tokens.refresh_token);
    assert.notEqual(second.tokens.access_token, first.tokens.access_token);
    assert.notEqual(second.tokens.refresh_token, first.tokens.refresh_token);
    assert.equal(second.tokens.scope, SCOPE);
    await verifyIdToken(client, second);
    await verifyAccessToken(second.tokens);
  });
  if (!second) continue;
  await check(`${name}: the ID token of a refresh (OpenID Connect Core 12.2)`, () => {
    for (const claim of ['iss', 'sub', 'aud', 'auth_time', 's_hash']) {
      assert.deepEqual(second.claims[claim], first.claims[claim], claim);
    }
    assert.ok(second.claims.iat > first.claims.iat);
    assert.equal(second.claims.nonce, undefined);
    assert.equal(second.claims.at_hash, halfHash(second.tokens.access_token));
  });
  await check(`${name}: the response got lost, and the retry has the same successor`, async () => {
    const again = await refresh(client, auth, first.tokens.refresh_token);
    assert.equal(again.tokens.refresh_token, second.tokens.refresh_token);
    assert.equal(again.claims.auth_time, first.claims.auth_time);
  });
  await check(`${name}: a narrower scope, without openid, has no ID token`, async () => {
    const narrow = await refresh(client, auth, second.tokens.refresh_token, { scope: 'email' });
    assert.equal(narrow.tokens.scope, 'email');
    assert.equal(narrow.tokens.id_token, undefined);
    second.tokens = { ...narrow.tokens };
    assert.equal((await verifyAccessToken(second.tokens)).scope, 'email');
  });
  await check(`${name}: a wider scope than was granted`, async () => {
    const narrow = await session(client, auth, { scope: 'openid' });
    await refuses(refresh(client, auth, narrow.tokens.refresh_token, { scope: 'openid email' }), 'invalid_scope', 400);
  });
  await check(`${name}: a refresh token used twice ends the session`, async () => {
    const third = await refresh(client, auth, second.tokens.refresh_token);
    await refuses(refresh(client, auth, first.tokens.refresh_token), 'invalid_grant', 400);
    await isOver(client, auth, third.tokens);
  });
  await check(`${name}: a code used twice ends the session`, async () => {
    const { code, tokens } = await session(client, auth);
    await resource(tokens.access_token);
    await refuses(redeem(client, auth, code).then((response) =>
      oauth.processAuthorizationCodeResponse(as, client, response)), 'invalid_grant', 400);
    await isOver(client, auth, tokens);
  });
  await check(`${name}: a wrong verifier gets nothing, and does no harm`, async () => {
    const code = await authorize(client);
    const stranger = redeem(client, auth, code, oauth.generateRandomCodeVerifier());
    await refuses(stranger.then((response) => oauth.processAuthorizationCodeResponse(as, client, response)), 'invalid_grant', 400);
    const response = await redeem(client, auth, code);
    await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: code.nonce });
  });
  await check(`${name}: no verifier`, async () => {
    const response = await redeem(client, auth, await authorize(client), oauth.nopkce);
    await refuses(oauth.processAuthorizationCodeResponse(as, client, response), 'invalid_grant', 400);
  });
  await check(`${name}: another redirect URI at the token endpoint`, async () => {
    const code = await authorize(client);
    const response = await redeem(client, auth, { ...code, redirectUri: 'http://127.0.0.1:49322/callback' });
    await refuses(oauth.processAuthorizationCodeResponse(as, client, response), 'invalid_grant', 400);
  });
  await check(`${name}: revoking the access token leaves the refresh token`, async () => {
    const { tokens } = await session(client, auth);
    await revoke(client, auth, tokens.access_token);
    await challenges(resource(tokens.access_token), 'bearer', 'invalid_token');
    const next = await refresh(client, auth, tokens.refresh_token);
    assert.equal((await resource(next.tokens.access_token)).sub, USER);
  });
  await check(`${name}: revoking the refresh token ends the session`, async () => {
    const { tokens } = await session(client, auth);
    await revoke(client, auth, tokens.refresh_token);
    await isOver(client, auth, tokens);
    // RFC 7009 section 2.2: nothing to revoke is no error.
    await revoke(client, auth, tokens.refresh_token);
    await revoke(client, auth, 'made-up');
  });
  await check(`${name}: prompt=none`, async () => {
    assert.equal(await redirectedError(client, { prompt: 'none' }), 'login_required');
  });
  await check(`${name}: the person cancels`, async () => {
    assert.equal(await redirectedError(client, {}, { decision: 'deny', username: '', password: '' }), 'access_denied');
  });
  await check(`${name}: a challenge by plain`, async () => {
    const plain = { code_challenge: oauth.generateRandomCodeVerifier(), code_challenge_method: 'plain' };
    assert.equal(await redirectedError(client, plain), 'invalid_request');
    assert.equal(await redirectedError(client, { code_challenge_method: undefined }), 'invalid_request');
  });
  await check(`${name}: what the server does not do`, async () => {
    assert.equal(await redirectedError(client, { response_type: 'token' }), 'unsupported_response_type');
    assert.equal(await redirectedError(client, { scope: 'apps root' }), 'invalid_scope');
    assert.equal(await redirectedError(client, { request: 'e30.e30.' }), 'request_not_supported');
    assert.equal(await redirectedError(client, { request_uri: 'https://client.example/r' }), 'request_uri_not_supported');
  });
  await check(`${name}: a wrong password shows the form again`, async () => {
    const asked = await ask(client);
    for (const wrong of [{ password: 'senha124' }, { username: '00506493297' }, { username: '' }]) {
      const response = await logIn(asked.url, wrong);
      assert.equal(response.status, 403);
      assert.equal(response.headers.get('location'), null);
      const html = await response.text();
      assert.match(html, /role="alert"[^>]*>[^<]*wrong/);
      // It still carries the request: the right password on the second page gets to the client, with its state.
      const { action, fields } = formOf(html);
      assert.equal(fields.get('password'), '');
      fields.set('username', USER);
      fields.set('password', PASSWORD);
      const second = await fetch(new URL(action, asked.url), { method: 'POST', body: fields, redirect: 'manual' });
      assert.equal(target(second).searchParams.get('state'), asked.state);
    }
  });
  await check(`${name}: no password shows the form too`, async () => {
    const response = await logIn((await ask(client)).url, { password: '' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('location'), null);
  });
  for (const uri of [
    'https://127.0.0.1/callback', 'http://127.0.0.1/callback/', 'http://127.0.0.1/callback?x=1', 'http://127.0.0.1/other',
    'http://127.0.0.1.evil.example/callback', 'http://127.0.0.1:1@evil.example/callback', 'http://localhost/callback',
    'http://[::1]/callback', 'http://127.0.0.1/callback#', 'https://evil.example/callback', 'javascript:alert(1)',
  ]) {
    await check(`${name}: a redirect to ${uri}`, async () => {
      const { url } = await ask(client, { redirect_uri: uri });
      const response = await fetch(url, { redirect: 'manual' });
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('location'), null);
      assert.match(response.headers.get('content-type'), /^text\/html/);
      assert.match(await response.text(), /This link does not work/);
    });
  }
}

await check('the public client without PKCE', async () => {
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  assert.equal(await redirectedError(mobile, without), 'invalid_request');
});
await check('the portal may leave PKCE out, but not send a verifier then (RFC 9700 2.1.1)', async () => {
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  const code = await authorize(portal, without);
  const response = await redeem(portal, basic, code, oauth.generateRandomCodeVerifier());
  await refuses(oauth.processAuthorizationCodeResponse(as, portal, response), 'invalid_grant', 400);
  const right = await redeem(portal, basic, code, oauth.nopkce);
  await oauth.processAuthorizationCodeResponse(as, portal, right, { expectedNonce: code.nonce });
});
await check('without openid there is no ID token', async () => {
  const code = await authorize(portal, { scope: 'apps email', nonce: undefined, max_age: undefined });
  const response = await redeem(portal, basic, code);
  const tokens = await oauth.processAuthorizationCodeResponse(as, portal, response);
  assert.equal(tokens.id_token, undefined);
  assert.deepEqual(await resource(tokens.access_token), { sub: USER, scope: 'apps email' });
});
await check('a scope that nobody knows is ignored beside openid (OpenID Connect Core 3.1.2.1)', async () => {
  const { tokens } = await session(mobile, oauth.None(), { scope: 'openid offline_access address email' });
  assert.deepEqual(tokens.scope.split(' ').sort(), ['email', 'offline_access', 'openid']);
});
await check('id_token_hint: the one who is logged in, and one that is made up (OpenID Connect Core 3.1.2.1)', async () => {
  const { tokens, claims } = await session(mobile, oauth.None());
  const again = await session(mobile, oauth.None(), { id_token_hint: tokens.id_token });
  assert.equal(again.claims.sub, claims.sub);
  assert.equal(await redirectedError(mobile, { id_token_hint: 'made-up' }), 'invalid_request');
});
await check('without a nonce the ID token has none', async () => {
  const code = await authorize(mobile, { nonce: undefined });
  const response = await redeem(mobile, oauth.None(), code);
  await oauth.processAuthorizationCodeResponse(as, mobile, response, {
    expectedNonce: oauth.expectNoNonce,
    maxAge: MAX_AGE,
    requireIdToken: true,
  });
});
await check('a state of every printable character comes back as it was', async () => {
  const state = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
  const asked = { ...(await ask(portal, { state })), state };
  const parameters = accept(portal, asked, target(await logIn(asked.url)));
  const response = await redeem(portal, basic, { ...asked, parameters });
  const tokens = await oauth.processAuthorizationCodeResponse(as, portal, response, { expectedNonce: asked.nonce });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).s_hash, halfHash(state));
});
await check('a code of one client at another', async () => {
  const code = await authorize(mobile);
  const response = await redeem(portal, basic, code);
  await refuses(oauth.processAuthorizationCodeResponse(as, portal, response), 'invalid_grant', 400);
});
await check('a refresh token of one client at another', async () => {
  const { tokens } = await session(mobile, oauth.None());
  await refuses(refresh(portal, basic, tokens.refresh_token), 'invalid_grant', 400);
  // RFC 7009 section 2.1: refused, and the client told; nothing is revoked.
  await refuses(revoke(portal, basic, tokens.refresh_token), 'invalid_grant', 400);
  await refresh(mobile, oauth.None(), tokens.refresh_token);
});

for (const [name, auth] of [['client_secret_basic', basic], ['client_secret_post', post]]) {
  await check(`client credentials by ${name}`, async () => {
    const response = await oauth.clientCredentialsGrantRequest(as, portal, auth, { scope: 'apps webhooks' }, http);
    const tokens = await oauth.processClientCredentialsResponse(as, portal, response);
    assert.equal(tokens.scope, 'apps webhooks');
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(tokens.id_token, undefined);
    const claims = await verifyAccessToken(tokens);
    assert.equal(claims.sub, PORTAL);
    assert.deepEqual(await resource(tokens.access_token), { sub: PORTAL, scope: 'apps webhooks' });
  });
  await check(`introspection by ${name}`, async () => {
    const { tokens, claims: { auth_time: loggedIn } } = await session(portal, auth);
    const access = await introspect(auth, tokens.access_token);
    const claims = jwtPart(tokens.access_token, 1);
    for (const claim of ['sub', 'scope', 'iss', 'exp', 'iat', 'client_id', 'jti', 'aud']) {
      assert.deepEqual(access[claim], claims[claim], claim);
    }
    assert.equal(access.active, true);
    assert.equal(access.token_type, 'Bearer');
    const token = await introspect(auth, tokens.refresh_token);
    assert.equal(token.active, true);
    assert.equal(token.sub, USER);
    assert.ok(token.exp > loggedIn + 86_400);
    assert.deepEqual(await introspect(auth, 'made-up'), { active: false });
    assert.deepEqual(await introspect(auth, tokens.id_token), { active: false });
    // The public client's is none of its business.
    const other = await session(mobile, oauth.None());
    assert.deepEqual(await introspect(auth, other.tokens.access_token), { active: false });
  });
}
await check('the public client may not introspect', async () => {
  const { tokens } = await session(mobile, oauth.None());
  const response = await oauth.introspectionRequest(as, mobile, oauth.None(), tokens.access_token, http);
  assert.ok([400, 401].includes(response.status), `${response.status}`);
  assert.equal((await response.clone().json()).active, undefined);
});
await check('the public client has no client credentials', async () => {
  const response = await oauth.clientCredentialsGrantRequest(as, mobile, oauth.None(), {}, http);
  await refuses(oauth.processClientCredentialsResponse(as, mobile, response), 'unauthorized_client', 400);
});

const television = { client_id: TELEVISION, id_token_signed_response_alg: 'RS256' };
for (const [name, client, auth] of [['the portal', portal, basic], ['the television', television, oauth.None()]]) {
  await check(`${name} is logged in by a code that it shows (RFC 8628)`, async () => {
    const begin = await oauth.deviceAuthorizationRequest(as, client, auth, new URLSearchParams({ scope: 'openid email' }), http);
    const begun = await oauth.processDeviceAuthorizationResponse(as, client, begin);
    assert.match(begun.user_code, /^[B-Z]{4}-[B-Z]{4}$/);
    assert.equal(begun.verification_uri, new URL('/device', issuer).href);
    assert.equal(begun.verification_uri_complete, `${begun.verification_uri}?user_code=${begun.user_code}`);
    assert.equal(begun.interval, 5);
    const poll = async () => {
      const answer = await oauth.deviceCodeGrantRequest(as, client, auth, begun.device_code, http);
      return oauth.processDeviceCodeResponse(as, client, answer);
    };
    await refuses(poll(), 'authorization_pending', 400);
    const answer = (decision) => fetch(begun.verification_uri, {
      method: 'POST',
      body: new URLSearchParams({ user_code: begun.user_code.toLowerCase(), username: USER, password: PASSWORD, decision }),
    });
    assert.equal((await answer('allow')).status, 200);
    const tokens = await poll();
    assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, USER);
    const refreshed = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, http);
    assert.ok((await oauth.processRefreshTokenResponse(as, client, refreshed)).access_token);
    await refuses(poll(), 'invalid_grant', 400);
    assert.equal((await answer('allow')).status, 400, 'it counts once');
  });
  await check(`${name} hears a no`, async () => {
    const begin = await oauth.deviceAuthorizationRequest(as, client, auth, new URLSearchParams(), http);
    const begun = await oauth.processDeviceAuthorizationResponse(as, client, begin);
    const no = { user_code: begun.user_code, username: USER, password: PASSWORD, decision: 'deny' };
    assert.equal((await fetch(begun.verification_uri, { method: 'POST', body: new URLSearchParams(no) })).status, 200);
    const answer = await oauth.deviceCodeGrantRequest(as, client, auth, begun.device_code, http);
    await refuses(oauth.processDeviceCodeResponse(as, client, answer), 'access_denied', 400);
  });
}

// RFC 8693: an API of the bank's calls the resource for whoever called it.
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const api = { client_id: API };
/** The API exchanges a token, as it is sent it. */
async function exchange(subject_token, more = {}, client = api, secret = API_SECRET) {
  const parameters = new URLSearchParams({ subject_token, subject_token_type: ACCESS_TOKEN, ...more });
  const answer = await oauth.genericTokenEndpointRequest(as, client, oauth.ClientSecretBasic(secret), EXCHANGE, parameters, http);
  return oauth.processGenericTokenEndpointResponse(as, client, answer);
}
await check('the API exchanges a token of the public client', async () => {
  const { access_token } = (await session(mobile, oauth.None())).tokens;
  const exchanged = await exchange(access_token);
  assert.equal(exchanged.issued_token_type, ACCESS_TOKEN);
  assert.equal(exchanged.token_type, 'bearer');
  assert.equal(exchanged.refresh_token, undefined);
  assert.ok(exchanged.expires_in <= 60);
  const response = await oauth.protectedResourceRequest(exchanged.access_token, 'GET', resourceUrl, undefined, undefined, http);
  assert.deepEqual(await response.json(), { sub: USER, scope: 'apps email', actor: API });
  const said = await oauth.introspectionRequest(as, api, oauth.ClientSecretBasic(API_SECRET), exchanged.access_token, http);
  assert.deepEqual((await oauth.processIntrospectionResponse(as, api, said)).act, { sub: API });
  await refuses(exchange(exchanged.access_token), 'invalid_request', 400);
  await refuses(exchange('nothing'), 'invalid_request', 400);
  await refuses(exchange(access_token, { audience: 'https://elsewhere.example' }), 'invalid_target', 400);
  await refuses(exchange(access_token, { scope: 'webhooks' }), 'invalid_scope', 400);
  await refuses(exchange(access_token, {}, portal, PORTAL_SECRET), 'unauthorized_client', 400);
});

/** Any token request; what counts is who sends it. */
async function tokenEndpoint(server, client, auth) {
  const response = await oauth.clientCredentialsGrantRequest(server, client, auth, {}, http);
  return oauth.processClientCredentialsResponse(server, client, response);
}
const theirs = { issuer: issuer.origin, token_endpoint: new URL('/token', issuer).href };
for (const [name, server, client_id, secret] of [
  ["the other system's client at /oauth2/token", as, OTHER, OTHER_SECRET],
  ['the portal at /token', theirs, PORTAL, PORTAL_SECRET],
  ['a wrong secret', as, PORTAL, `${PORTAL_SECRET}r`],
  ['a client that nobody knows', as, 'nobody', PORTAL_SECRET],
]) {
  await check(`${name} is invalid_client, by Basic`, () =>
    challenges(tokenEndpoint(server, { client_id }, oauth.ClientSecretBasic(secret)), 'basic', undefined));
  await check(`${name} is invalid_client, in the form`, async () => {
    const caught = await tokenEndpoint(server, { client_id }, oauth.ClientSecretPost(secret)).catch((error) => error);
    const body = caught.response ? await caught.response.clone().json().catch(() => caught.cause) : caught.cause;
    assert.equal(caught.status, 401);
    assert.equal(body.error ?? caught.error, 'invalid_client');
  });
}
await check('the portal without its secret', async () => {
  const caught = await tokenEndpoint(as, portal, oauth.None()).catch((error) => error);
  assert.ok([400, 401].includes(caught.status), caught);
});
await check('a resource without a token says no error code (RFC 6750 3.1)', async () => {
  const response = await fetch(resourceUrl);
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate'), /^Bearer/);
  assert.doesNotMatch(response.headers.get('www-authenticate'), /error=/);
});

done();
