// The bank's identity provider of the example server, driven by `simple-oauth2`: confidential clients, no discovery.
//
//   node simple_oauth2.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2';
import { checks, ENCODED, ENCODED_SECRET, logIn, PORTAL, PORTAL_SECRET, target, versionOf } from './checks.mjs';
import { refused, story } from './story.mjs';

const tokenHost = process.argv[2];
const { check, done } = checks(`simple-oauth2 ${versionOf(import.meta.url, 'simple-oauth2')}`);
const redirect_uri = 'http://127.0.0.1:49333/callback';

const configuration = (id, secret, options) => ({
  client: { id, secret },
  auth: { tokenHost, tokenPath: '/oauth2/token', revokePath: '/oauth2/revoke', authorizePath: '/oauth2/authorize' },
  options,
});
const withoutPage = ({ auth: { authorizePath, ...auth }, ...rest }) => ({ ...rest, auth });
const CLIENTS = {
  portal: configuration(PORTAL, PORTAL_SECRET, {}),
  'encoded, Basic': configuration(ENCODED, ENCODED_SECRET, { credentialsEncodingMode: 'strict' }),
  // As it is, as many do.
  'encoded, Basic without encoding': configuration(ENCODED, ENCODED_SECRET, { credentialsEncodingMode: 'loose' }),
  'encoded, post': configuration(ENCODED, ENCODED_SECRET, { authorizationMethod: 'body' }),
};

const tokensOf = ({ token }) => ({ access: token.access_token, refresh: token.refresh_token, scope: token.scope });

function adapter(client) {
  return {
    async logIn(scope, { twice } = {}) {
      const code_verifier = randomBytes(32).toString('base64url');
      const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');
      const url = client.authorizeURL({ redirect_uri, scope, state: 's', code_challenge, code_challenge_method: 'S256' });
      const { searchParams } = target(await logIn(url));
      assert.equal(searchParams.get('state'), 's');
      const parameters = { code: searchParams.get('code'), redirect_uri, code_verifier };
      const login = await client.getToken(parameters);
      assert.equal(login.expired(), false);
      assert.equal(login.expired(86_401), true);
      if (!twice) return tokensOf(login);
      twice(tokensOf(login));
      return client.getToken(parameters);
    },
    refresh: async (refresh_token, scope) => tokensOf(await client.createToken({ refresh_token }).refresh(scope && { scope })),
    revoke: (token, kind) => client.createToken({ [kind]: token }).revoke(kind),
    refusal(caught) {
      assert.equal(caught.isBoom, true, caught);
      return { code: caught.data.payload.error, status: caught.output.statusCode };
    },
  };
}

for (const [name, settings] of Object.entries(CLIENTS)) {
  await story(check, name, adapter(new AuthorizationCode(settings)), tokenHost);
  await check(`${name}: both tokens revoked in one call`, async () => {
    const client = new AuthorizationCode(settings);
    const tokens = await adapter(client).logIn('email');
    await client.createToken({ access_token: tokens.access, refresh_token: tokens.refresh }).revokeAll();
    await refused(adapter(client), adapter(client).refresh(tokens.refresh), 'invalid_grant', 400);
  });
  await check(`${name}: client credentials`, async () => {
    const { token } = await new ClientCredentials(withoutPage(settings)).getToken({ scope: ['apps', 'webhooks'] });
    assert.deepEqual([token.scope, token.token_type, token.refresh_token], ['apps webhooks', 'Bearer', undefined]);
  });
  await check(`${name}: a wrong secret`, async () => {
    const wrong = withoutPage({ ...settings, client: { ...settings.client, secret: `${settings.client.secret}!` } });
    await refused(adapter(), new ClientCredentials(wrong).getToken({}), 'invalid_client', 401);
  });
}

done();
