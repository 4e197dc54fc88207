// The bank's identity provider of the example server, driven by `@badgateway/oauth2-client`: plain OAuth 2.0, no ID tokens.
//
//   node badgateway.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import { generateCodeVerifier, OAuth2Client, OAuth2Error, OAuth2Fetch, OAuth2HttpError } from '@badgateway/oauth2-client';
import { checks, ENCODED, ENCODED_SECRET, logIn, MOBILE, PORTAL, PORTAL_SECRET, target, versionOf } from './checks.mjs';
import { refused, SCOPE, story } from './story.mjs';

const server = process.argv[2];
const { check, done } = checks(`@badgateway/oauth2-client ${versionOf(import.meta.url, '@badgateway/oauth2-client')}`);
const redirectUri = 'http://127.0.0.1:49332/callback';
const state = 'xyz/+ %&=';

const settingsOf = (clientId, clientSecret, authenticationMethod) => ({ server, clientId, clientSecret, authenticationMethod });
const CLIENTS = {
  'portal, as discovered': settingsOf(PORTAL, PORTAL_SECRET),
  'encoded, Basic': settingsOf(ENCODED, ENCODED_SECRET, 'client_secret_basic'),
  // All as it is but for colons.
  'encoded, Basic for popular servers': settingsOf(ENCODED, ENCODED_SECRET, 'client_secret_basic_interop'),
  'encoded, post': settingsOf(ENCODED, ENCODED_SECRET, 'client_secret_post'),
  mobile: settingsOf(MOBILE),
};

const tokensOf = (found) => ({ access: found.accessToken, refresh: found.refreshToken, scope: found.scope?.join(' '), found });

async function ask(client, scope, decision) {
  const codeVerifier = await generateCodeVerifier();
  const url = await client.authorizationCode.getAuthorizeUri({ redirectUri, state, codeVerifier, scope: scope.split(' ') });
  return [target(await logIn(url, { decision })), codeVerifier];
}

function adapter(client) {
  return {
    async logIn(scope, { twice } = {}) {
      const [landed, codeVerifier] = await ask(client, scope);
      const redeem = () => client.authorizationCode.getTokenFromCodeRedirect(landed, { redirectUri, state, codeVerifier });
      const found = await redeem();
      assert.ok(found.expiresAt > Date.now());
      if (!twice) return tokensOf(found);
      twice(tokensOf(found));
      return redeem();
    },
    refresh: async (refreshToken, scope) =>
      tokensOf(await client.refreshToken({ refreshToken }, scope && { scope: scope.split(' ') })),
    revoke: (token, kind) => client.revoke({ accessToken: token, refreshToken: token }, kind),
    introspect: client.settings.clientSecret && ((accessToken) => client.introspect({ accessToken })),
    refusal(caught) {
      assert.ok(caught instanceof OAuth2HttpError, caught);
      return { code: caught.oauth2Code, status: caught.httpCode };
    },
  };
}

await check('discovery', async () => {
  const client = new OAuth2Client(settingsOf(PORTAL, PORTAL_SECRET));
  assert.equal(await client.getEndpoint('tokenEndpoint'), `${server}/oauth2/token`);
  assert.equal(await client.getEndpoint('revocationEndpoint'), `${server}/oauth2/revoke`);
  assert.equal(await client.getEndpoint('introspectionEndpoint'), `${server}/oauth2/introspect`);
  assert.equal(client.settings.authenticationMethod, 'client_secret_basic');
});

for (const [name, settings] of Object.entries(CLIENTS)) {
  const client = new OAuth2Client({ ...settings });
  await story(check, name, adapter(client), server);
  if (!settings.clientSecret) continue;
  await check(`${name}: client credentials`, async () => {
    const found = await client.clientCredentials({ scope: ['apps', 'webhooks'] });
    assert.deepEqual([found.scope, found.refreshToken], [['apps', 'webhooks'], null]);
  });
  await check(`${name}: a wrong secret`, async () => {
    const wrong = new OAuth2Client({ ...settings, clientSecret: `${settings.clientSecret}!` });
    await refused(adapter(wrong), wrong.clientCredentials(), 'invalid_client', 401);
  });
  await check(`${name}: a scope that it may not have`, () =>
    refused(adapter(client), client.clientCredentials({ scope: ['root'] }), 'invalid_scope', 400));
}
await check('the person cancels', async () => {
  const client = new OAuth2Client(settingsOf(MOBILE));
  const [landed] = await ask(client, SCOPE, 'deny');
  assert.throws(() => client.authorizationCode.validateResponse(landed, { state }), (caught) => {
    assert.ok(caught instanceof OAuth2Error, caught);
    assert.equal(caught.oauth2Code, 'access_denied');
    return true;
  });
});
await check('a fetch that renews its token by itself after a 401', async () => {
  const client = new OAuth2Client(settingsOf(MOBILE));
  let { found } = await adapter(client).logIn(SCOPE);
  await client.revoke(found);
  const before = found.refreshToken;
  const wrapper = new OAuth2Fetch({
    client,
    getNewToken: () => assert.fail('it logs in again'),
    getStoredToken: () => found,
    storeToken: (token) => { found = token; },
    scheduleRefresh: false,
  });
  const response = await wrapper.fetch(`${server}/oauth2/resource`);
  assert.equal(response.status, 200);
  assert.notEqual(found.refreshToken, before);
});

done();
