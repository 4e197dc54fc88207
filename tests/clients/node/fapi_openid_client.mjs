// The FAPI example, driven by `openid-client`: its own ways to push, to sign, to prove and to read signed answers.
//
//   node fapi_openid_client.mjs target/release/examples/fapi
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { checks, versionOf } from './checks.mjs';
import { CALLBACK, certificate, decide, keysOf, OLDER_SECRET, posted, sentTo, start } from './fapi.mjs';

const program = process.argv[2];
const { check, done } = checks(`openid-client ${versionOf(import.meta.url, 'openid-client')} at the FAPI example`);
const generate = (alg, options) => client.randomDPoPKeyPair(alg, options);
const key = await keysOf('key', ['ES256', 'PS256', 'Ed25519'], generate);
const signed = await keysOf('signed', ['ES256', 'PS256'], generate);
certificate('ca', 'An authority', { isAuthority: true });
const own = certificate('own', 'mtls-client');
const sets = { 'key-client': key.jwks, 'signed-client': signed.jwks, 'older-client': key.jwks, 'mtls-client': own.jwks };
const MEMBERS = { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' };

/** A client at a server, as the library takes it in. */
async function configured(server, id, auth, { shown, metadata, execute = [], algorithm = 'oidc' } = {}) {
  const fetch = server.door(shown);
  return client.discovery(server.issuer, id, { ...MEMBERS, use_mtls_endpoint_aliases: shown !== undefined, ...metadata }, auth, {
    algorithm,
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks, ...execute],
    [client.customFetch]: fetch,
  });
}

/** A whole login. `by` makes the URL that the browser is sent to, of the parameters. */
async function logIn(server, config, by, options, changes = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const url = await by({
    redirect_uri: CALLBACK, scope: 'openid read', state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...changes,
  });
  const answer = await decide(server, url);
  const landed = changes.response_mode?.startsWith('form_post') ? await posted(answer) : sentTo(answer);
  return client.authorizationCodeGrant(config, landed, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }, undefined, options);
}

async function story(server, config, by, { DPoP, type, changes } = {}) {
  const id = config.clientMetadata().client_id;
  const tokens = await logIn(server, config, by, { DPoP }, changes);
  assert.equal(tokens.token_type, type);
  assert.equal(tokens.claims().sub, 'alice');
  const served = async ({ access_token: token }) =>
    (await client.fetchProtectedResource(config, token, server.resource, 'GET', undefined, undefined, { DPoP })).json();
  assert.deepEqual(await served(tokens), { sub: 'alice', client_id: id });
  const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  assert.deepEqual(await served(next), { sub: 'alice', client_id: id });
  await client.tokenRevocation(config, next.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP }), (caught) => caught.error === 'invalid_grant');
}

const server = await start(program, { sets });
const plain = (config) => async (parameters) => client.buildAuthorizationUrl(config, parameters);
for (const [alg, pair] of Object.entries(key.pairs)) {
  await check(`key-client, all by ${alg}`, async () => {
    const config = await configured(server, 'key-client', client.PrivateKeyJwt(pair));
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg));
    await story(server, config, (parameters) => client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }), { DPoP, type: 'dpop' });
    const machine = await client.clientCredentialsGrant(config, { scope: 'read' }, { DPoP });
    assert.equal(machine.token_type, 'dpop');
    await assert.rejects(client.clientCredentialsGrant(config, { scope: 'read' }), (caught) => caught.error === 'invalid_dpop_proof');
  });
}
await check('key-client names the key of its code (RFC 9449 section 10)', async () => {
  const config = await configured(server, 'key-client', client.PrivateKeyJwt(key.pairs.ES256));
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const dpop_jkt = await DPoP.calculateThumbprint();
  await story(server, config, (parameters) => client.buildAuthorizationUrlWithPAR(config, { ...parameters, dpop_jkt }), { DPoP, type: 'dpop' });
});
for (const [alg, pair] of Object.entries(signed.pairs)) {
  await check(`signed-client, by ${alg}`, async () => {
    const config = await configured(server, 'signed-client', client.PrivateKeyJwt(pair));
    await story(server, config, (parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, pair), { type: 'bearer' });
    const answers = await configured(server, 'signed-client', client.PrivateKeyJwt(pair), { execute: [client.useJwtResponseMode] });
    await story(server, answers, (parameters) => client.buildAuthorizationUrlWithJAR(answers, parameters, pair), { type: 'bearer' });
  });
}
await check('browser-client: as it comes, with a proof, by a form, by a signed answer', async () => {
  const config = await configured(server, 'browser-client', client.None(), { algorithm: 'oauth2' });
  await story(server, config, plain(config), { type: 'bearer' });
  await story(server, config, plain(config), { type: 'bearer', changes: { response_mode: 'form_post' } });
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  await story(server, config, plain(config), { DPoP, type: 'dpop' });
  const signs = await configured(server, 'browser-client', client.None(), { execute: [client.useJwtResponseMode] });
  await story(server, signs, plain(signs), { type: 'bearer' });
});
await check('older-client, by the MAC of its secret', async () => {
  const metadata = { id_token_signed_response_alg: 'HS256' };
  const config = await client.discovery(server.issuer, 'older-client', metadata, client.ClientSecretJwt(OLDER_SECRET), {
    execute: [client.allowInsecureRequests], [client.customFetch]: server.door(),
  });
  config.clientMetadata().client_secret ??= OLDER_SECRET;
  await story(server, config, plain(config), { type: 'bearer' });
});
await server.end();

const https = await start(program, { sets, tls: 'ca' });
for (const [id, shown] of [['mtls-client', own], ['ca-client', certificate('issued', 'ca-client', { issuer: 'ca' })]]) {
  await check(`mutual TLS: ${id}`, async () => {
    const config = await configured(https, id, client.TlsClientAuth(), { shown });
    await story(https, config, plain(config), { type: 'bearer' });
    const tokens = await client.clientCredentialsGrant(config, { scope: 'read' });
    const bare = await configured(https, id, client.TlsClientAuth(), { shown: {} });
    await assert.rejects(client.fetchProtectedResource(bare, tokens.access_token, https.resource, 'GET'), (caught) => caught.status === 401);
    await assert.rejects(client.clientCredentialsGrant(bare, { scope: 'read' }), (caught) => caught.status === 401);
  });
}
await https.end();
done();
