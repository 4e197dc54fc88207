// The bank's identity provider of the example server, driven by `openid-client`, as an application would: by its
// configurations, and without a look at the wire.
//
//   node openid_client.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import {
  checks, ENCODED, ENCODED_SECRET, halfHash, logIn, MOBILE, PORTAL, PORTAL_SECRET, target, USER, versionOf,
} from './checks.mjs';
import { refused, SCOPE, story } from './story.mjs';

const issuer = new URL(process.argv[2]);
const { check, done } = checks(`openid-client ${versionOf(import.meta.url, 'openid-client')}`);
const CALLBACK = 'http://127.0.0.1:49331/callback';

/** What the server says of itself, as the library takes it in; the ID tokens of asymmetric keys have their signature checked. */
async function configured(id, auth, metadata = {}, algorithm = 'oidc') {
  const execute = [client.allowInsecureRequests];
  if (metadata.id_token_signed_response_alg !== 'HS256') execute.push(client.enableNonRepudiationChecks);
  return client.discovery(issuer, id, metadata, auth, { algorithm, execute });
}

const tokensOf = (answer) => ({ access: answer.access_token, refresh: answer.refresh_token, scope: answer.scope, answer });

/** Asks and logs in. Answers where that leads, and what the library is to compare it with. */
async function authorize(config, scope, changes = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const checked = { pkceCodeVerifier, expectedState: client.randomState(), idTokenExpected: true, maxAge: 60 };
  checked.expectedNonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope,
    state: checked.expectedState,
    nonce: checked.expectedNonce,
    max_age: '60',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...changes,
  });
  return [url, checked];
}

function adapter(config, introspects) {
  return {
    async logIn(scope, { twice } = {}) {
      const [url, checked] = await authorize(config, scope);
      const landed = target(await logIn(url));
      const answer = await client.authorizationCodeGrant(config, landed, checked);
      const claims = answer.claims();
      assert.deepEqual([claims.iss, claims.sub, ...[claims.aud].flat()], [issuer.origin, USER, config.clientMetadata().client_id]);
      assert.equal(claims.s_hash, halfHash(checked.expectedState));
      if (!twice) return tokensOf(answer);
      twice(tokensOf(answer));
      return client.authorizationCodeGrant(config, landed, checked);
    },
    async refresh(token, scope) {
      const answer = await client.refreshTokenGrant(config, token, scope && { scope });
      // The library has checked the ID token of the answer, if it has one.
      assert.equal(answer.claims()?.sub, scope ? undefined : USER);
      return tokensOf(answer);
    },
    revoke: (token, kind) => client.tokenRevocation(config, token, { token_type_hint: kind }),
    introspect: introspects && ((token) => client.tokenIntrospection(config, token)),
    refusal(caught) {
      assert.ok(caught instanceof client.ResponseBodyError, caught);
      return { code: caught.error, status: caught.status };
    },
  };
}

for (const algorithm of ['oidc', 'oauth2']) {
  await check(`discovery by ${algorithm}`, async () => {
    const config = await configured(MOBILE, client.None(), {}, algorithm);
    const metadata = config.serverMetadata();
    assert.equal(metadata.issuer, issuer.origin);
    assert.equal(metadata.supportsPKCE(), true);
    assert.equal(metadata.authorization_response_iss_parameter_supported, true);
  });
}
await check('discovery of another issuer', () =>
  assert.rejects(
    client.discovery(new URL('/elsewhere', issuer), MOBILE, {}, client.None(), { execute: [client.allowInsecureRequests] }),
    { code: 'OAUTH_RESPONSE_IS_NOT_CONFORM' },
  ));

const portal = await configured(PORTAL, client.ClientSecretBasic(PORTAL_SECRET), { id_token_signed_response_alg: 'HS256' });
const basic = await configured(ENCODED, client.ClientSecretBasic(ENCODED_SECRET));
const post = await configured(ENCODED, client.ClientSecretPost(ENCODED_SECRET));
const mobile = await configured(MOBILE, client.None());
for (const [name, config] of Object.entries({ portal, 'encoded, Basic': basic, 'encoded, post': post, mobile })) {
  await story(check, name, adapter(config, config !== mobile), issuer);
}

// OpenID Connect Core section 5.3, RP-Initiated Logout.
for (const [name, config] of Object.entries({ portal, mobile })) {
  await check(`${name}: userinfo, and claims by name`, async () => {
    const claims = JSON.stringify({ userinfo: { email: { essential: true } }, id_token: { auth_time: { essential: true } } });
    const [url, checked] = await authorize(config, 'openid', { claims });
    const { access_token: token } = await client.authorizationCodeGrant(config, target(await logIn(url)), checked);
    const said = await client.fetchUserInfo(config, token, USER);
    assert.equal(said.email, 'teste@example.com');
    await assert.rejects(client.fetchUserInfo(config, token, 'another'), { code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
    const caught = await client.fetchUserInfo(config, 'made-up', USER).catch((error) => error);
    assert.deepEqual([caught.cause[0].scheme, caught.cause[0].parameters.error], ['bearer', 'invalid_token']);
  });
}
await check('a logout from here', async () => {
  const [url, checked] = await authorize(portal, SCOPE);
  const landed = await logIn(url);
  const [cookie] = landed.headers.getSetCookie().map((set) => set.split(';')[0]);
  const tokens = await client.authorizationCodeGrant(portal, target(landed), checked);
  const out = client.buildEndSessionUrl(portal, {
    post_logout_redirect_uri: 'http://127.0.0.1:7/signed-out', id_token_hint: tokens.id_token, state: 'over',
  });
  const asked = await fetch(out, { redirect: 'manual' });
  assert.equal(asked.status, 200, 'another browser is asked');
  assert.match(await asked.text(), /Log out\?/);
  const left = await fetch(out, { redirect: 'manual', headers: { cookie } });
  assert.equal(target(left).href, 'http://127.0.0.1:7/signed-out?state=over');
  await refused(adapter(portal), client.refreshTokenGrant(portal, tokens.refresh_token), 'invalid_grant', 400);
});

// What the library itself refuses: that the checks above are made.
for (const [what, change, code] of [
  ['another nonce', { expectedNonce: 'another' }, 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
  ['another state', { expectedState: 'another' }, 'OAUTH_INVALID_RESPONSE'],
]) {
  await check(`the client finds ${what}`, async () => {
    const [url, checked] = await authorize(mobile, SCOPE);
    const caught = client.authorizationCodeGrant(mobile, target(await logIn(url)), { ...checked, ...change });
    await assert.rejects(caught, { code });
  });
}
await check('the client finds another issuer in the redirect (RFC 9207 section 2.4)', async () => {
  const [url, checked] = await authorize(mobile, SCOPE);
  const landed = target(await logIn(url));
  assert.equal(landed.searchParams.get('iss'), issuer.origin);
  landed.searchParams.set('iss', 'https://evil.example');
  await assert.rejects(client.authorizationCodeGrant(mobile, landed, checked), { code: 'OAUTH_INVALID_RESPONSE' });
});
await check('the person cancels, and prompt=none', async () => {
  const told = async (landed, checked) => {
    const caught = await client.authorizationCodeGrant(mobile, landed, checked).catch((error) => error);
    assert.ok(caught instanceof client.AuthorizationResponseError, caught);
    return caught.error;
  };
  const [url, checked] = await authorize(mobile, SCOPE);
  assert.equal(await told(target(await logIn(url, { decision: 'deny' })), checked), 'access_denied');
  const [silent, known] = await authorize(mobile, SCOPE, { prompt: 'none' });
  assert.equal(await told(target(await fetch(silent, { redirect: 'manual' })), known), 'login_required');
});
await check('a wrong verifier', async () => {
  const [url, checked] = await authorize(mobile, SCOPE);
  const landed = target(await logIn(url));
  const wrong = { ...checked, pkceCodeVerifier: client.randomPKCECodeVerifier() };
  await refused(adapter(mobile), client.authorizationCodeGrant(mobile, landed, wrong), 'invalid_grant', 400);
  await client.authorizationCodeGrant(mobile, landed, checked);
});

for (const [name, config] of Object.entries({ portal, 'encoded, Basic': basic, 'encoded, post': post })) {
  await check(`${name}: client credentials`, async () => {
    const answer = await client.clientCredentialsGrant(config, { scope: 'apps webhooks' });
    assert.equal(answer.scope, 'apps webhooks');
    assert.equal(answer.refresh_token, undefined);
    const response = await client.fetchProtectedResource(config, answer.access_token, new URL('/oauth2/resource', issuer), 'GET');
    assert.equal((await response.json()).sub, config.clientMetadata().client_id);
  });
}
await check('the public client has no client credentials', () =>
  refused(adapter(mobile), client.clientCredentialsGrant(mobile), 'unauthorized_client', 400));
await check('a wrong secret', async () => {
  const wrong = await configured(ENCODED, client.ClientSecretBasic(`${ENCODED_SECRET}!`));
  const caught = await client.clientCredentialsGrant(wrong).catch((error) => error);
  assert.ok(caught instanceof client.WWWAuthenticateChallengeError, caught);
  assert.deepEqual([caught.status, caught.cause[0].scheme], [401, 'basic']);
});
await check('a token that is none, at the resource', async () => {
  const caught = await client.fetchProtectedResource(mobile, 'made-up', new URL('/oauth2/resource', issuer), 'GET').catch((error) => error);
  assert.ok(caught instanceof client.WWWAuthenticateChallengeError, caught);
  assert.deepEqual([caught.cause[0].scheme, caught.cause[0].parameters.error], ['bearer', 'invalid_token']);
});

done();
