// Resource indicators (RFC 8707) and metadata of resources (RFC 9728) of the MCP example, by `oauth4webapi`, which is certified
// by the OpenID Foundation and knows nothing of this crate.
//
//   node mcp_oauth4webapi.mjs http://127.0.0.1:8090
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { checks, jwtPart, versionOf } from './checks.mjs';
import { ALICE, CALLBACK, MACHINE, MACHINE_SECRET, Person } from './mcp.mjs';

const issuer = new URL(process.argv[2]);
const { check, done } = checks(`oauth4webapi ${versionOf(import.meta.url, 'oauth4webapi')} with resources`);
const http = { [oauth.allowInsecureRequests]: true };
const [MCP, FILES] = ['mcp', 'files'].map((name) => new URL(`/${name}`, issuer).href);
const alice = new Person(ALICE);

let as;
await check('from a resource to its authorization server', async () => {
  for (const resource of [MCP, FILES]) {
    const response = await oauth.resourceDiscoveryRequest(new URL(resource), http);
    const found = await oauth.processResourceDiscoveryResponse(new URL(resource), response);
    assert.deepEqual(found.authorization_servers, [issuer.origin]);
    assert.ok(found.scopes_supported.includes('mcp:admin'));
  }
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
  as = await oauth.processDiscoveryResponse(issuer, response);
});
let client;
await check('a client registers', async () => {
  const metadata = {
    client_name: 'A program', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none', contacts: ['somebody@example.com'],
  };
  client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, metadata, http));
  assert.equal(client.token_endpoint_auth_method, 'none');
});
if (!client) {
  done();
  process.exit(1);
}

/** Asks for these resources; the redirect. */
async function ask(resources, scope) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  const parameters = {
    response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...(scope && { scope }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  for (const resource of resources) url.searchParams.append('resource', resource);
  return { verifier, state, url };
}

/** A whole login, its first token for these resources. */
async function logIn(resources, first, scope) {
  const { verifier, state, url } = await ask(resources, scope);
  const { sentTo } = await alice.decide(url);
  const parameters = oauth.validateAuthResponse(as, client, sentTo, state);
  const additionalParameters = new URLSearchParams(first.map((resource) => ['resource', resource]));
  const response = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), parameters, CALLBACK, verifier, {
    additionalParameters, ...http,
  });
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

async function refresh(token, resources, scope) {
  const additionalParameters = new URLSearchParams(resources.map((resource) => ['resource', resource]));
  if (scope) additionalParameters.set('scope', scope);
  const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, { additionalParameters, ...http });
  return oauth.processRefreshTokenResponse(as, client, response);
}

/** What a resource that checks tokens by itself finds in one (RFC 9068 section 4). */
async function claims(token, audience) {
  const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
  return oauth.validateJwtAccessToken(as, request, audience, http);
}

async function status(resource, token) {
  const response = await fetch(resource, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } }),
  });
  return response.status;
}

const refused = async (promise, code) => {
  await assert.rejects(promise, (error) => error instanceof oauth.ResponseBodyError && error.error === code && error.status === 400);
};

await check('one login for two resources, each token for one of them', async () => {
  const first = await logIn([MCP, FILES], [MCP]);
  assert.equal((await claims(first.access_token, MCP)).sub, 'alice');
  await assert.rejects(claims(first.access_token, FILES));
  assert.deepEqual([await status(MCP, first.access_token), await status(FILES, first.access_token)], [200, 401]);
  const files = await refresh(first.refresh_token, [FILES]);
  assert.equal((await claims(files.access_token, FILES)).client_id, client.client_id);
  assert.deepEqual([await status(MCP, files.access_token), await status(FILES, files.access_token)], [401, 200]);
  // Without the parameter it is for what was named first.
  const again = await refresh(files.refresh_token, []);
  assert.equal(jwtPart(again.access_token, 1).aud, MCP);
  const both = await refresh(again.refresh_token, [FILES, MCP], 'mcp:read');
  assert.deepEqual(jwtPart(both.access_token, 1).aud.sort(), [FILES, MCP]);
  assert.equal(jwtPart(both.access_token, 1).scope, 'mcp:read');
});
await check('a login that names none is for the default one', async () => {
  const tokens = await logIn([], []);
  assert.equal((await claims(tokens.access_token, MCP)).aud, MCP);
  assert.equal(jwtPart(tokens.access_token, 1).scope, 'mcp:read mcp:write');
  await refused(refresh(tokens.refresh_token, [FILES]), 'invalid_target');
  await refresh(tokens.refresh_token, []);
});
await check('no token for what was not consented to, or what nobody has', async () => {
  const tokens = await logIn([FILES], [FILES]);
  for (const resources of [[MCP], [FILES, MCP], ['https://other.example/'], ['files']]) {
    await refused(refresh(tokens.refresh_token, resources), 'invalid_target');
  }
  assert.equal(jwtPart((await refresh(tokens.refresh_token, [])).access_token, 1).aud, FILES);
});
await check('a program that acts for itself', async () => {
  const machine = { client_id: MACHINE };
  const token = async (resources) => {
    const parameters = new URLSearchParams(resources.map((resource) => ['resource', resource]));
    const response = await oauth.clientCredentialsGrantRequest(as, machine, oauth.ClientSecretBasic(MACHINE_SECRET), parameters, http);
    return oauth.processClientCredentialsResponse(as, machine, response);
  };
  assert.equal((await claims((await token([FILES])).access_token, FILES)).sub, MACHINE);
  assert.equal((await claims((await token([])).access_token, MCP)).sub, MACHINE);
  await refused(token(['https://other.example/']), 'invalid_target');
});
await check('revocation', async () => {
  const tokens = await logIn([MCP], [MCP]);
  assert.equal(await status(MCP, tokens.access_token), 200);
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), tokens.refresh_token, http));
  assert.equal(await status(MCP, tokens.access_token), 401);
  await refused(refresh(tokens.refresh_token, []), 'invalid_grant');
});
done();
