// The FAPI example, driven by `oauth4webapi`: DPoP with nonces, pushed and signed requests, signed answers, assertions, mutual TLS.
//
//   node fapi_oauth4webapi.mjs target/release/examples/fapi
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { checks, versionOf } from './checks.mjs';
import { CALLBACK, certificate, decide, keysOf, OLDER_SECRET, posted, sentTo, start } from './fapi.mjs';

const program = process.argv[2];
const { check, done } = checks(`oauth4webapi ${versionOf(import.meta.url, 'oauth4webapi')} at the FAPI example`);
const ALGORITHMS = ['ES256', 'PS256', 'RS256', 'Ed25519'];
const SCOPE = 'openid read';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const MEMBERS = { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' };
// Who has a secret that is kept as it is gets ID tokens by that.
const clientOf = (id) => ({ client_id: id, ...MEMBERS, ...(id === 'older-client' && { id_token_signed_response_alg: 'HS256' }) });

const key = await keysOf('key', ALGORITHMS, oauth.generateKeyPair);
const signed = await keysOf('signed', ALGORITHMS, oauth.generateKeyPair);
certificate('ca', 'An authority', { isAuthority: true });
const own = certificate('own', 'mtls-client');
const idp = await keysOf('idp', ['ES256'], oauth.generateKeyPair);
const sets = { 'key-client': key.jwks, 'signed-client': signed.jwks, 'older-client': key.jwks, 'mtls-client': own.jwks, idp: idp.jwks };

/** What the identity provider says of somebody for one client: an ID-JAG. */
async function identityAssertion(server, client, changes = {}) {
  const { key: signer, kid } = idp.pairs.ES256;
  const now = Math.floor(Date.now() / 1000);
  const part = (bytes) => Buffer.from(bytes).toString('base64url');
  const claims = {
    iss: 'https://idp.example', sub: 'U019488227', aud: server.issuer.origin, client_id: client, jti: crypto.randomUUID(), iat: now,
    exp: now + 300, resource: server.resource.href, scope: 'read mail', ...changes,
  };
  const message = [{ typ: 'oauth-id-jag+jwt', alg: 'ES256', kid }, claims].map((json) => part(JSON.stringify(json))).join('.');
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, signer, Buffer.from(message));
  return `${message}.${part(signature)}`;
}

async function discover(server, algorithm = 'oauth2') {
  const http = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: server.door() };
  return oauth.processDiscoveryResponse(server.issuer, await oauth.discoveryRequest(server.issuer, { algorithm, ...http }));
}

/** A client at a server: every step as the library has it, and once more where another nonce is wanted. */
class Party {
  constructor(server, as, id, auth, { pair, shown, signingKey, pushes = false, mode } = {}) {
    Object.assign(this, { server, as, auth, signingKey, pushes, mode });
    this.client = { ...clientOf(id), use_mtls_endpoint_aliases: shown !== undefined };
    this.options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: server.door(shown) };
    if (pair) this.options.DPoP = oauth.DPoP(this.client, pair);
    this.nonces = 0;
  }

  async #twice(request, process) {
    try {
      return await process(await request());
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      this.nonces += 1;
      return process(await request());
    }
  }

  async ask(changes = {}) {
    const { as, client } = this;
    this.verifier = oauth.generateRandomCodeVerifier();
    this.state = oauth.generateRandomState();
    this.nonce = oauth.generateRandomNonce();
    let parameters = new URLSearchParams({
      response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope: SCOPE, state: this.state, nonce: this.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(this.verifier), code_challenge_method: 'S256',
      ...(this.mode && { response_mode: this.mode }), ...changes,
    });
    if (this.signingKey) {
      const request = await oauth.issueRequestObject(as, client, parameters, this.signingKey);
      parameters = new URLSearchParams({ client_id: client.client_id, request });
    }
    if (this.pushes) {
      const { request_uri: uri } = await this.#twice(
        () => oauth.pushedAuthorizationRequest(as, client, this.auth, parameters, this.options),
        (response) => oauth.processPushedAuthorizationResponse(as, client, response),
      );
      parameters = new URLSearchParams({ client_id: client.client_id, request_uri: uri });
    }
    const url = new URL(as.authorization_endpoint);
    url.search = parameters.toString();
    return url;
  }

  async accept(answer) {
    const { as, client, state, options } = this;
    const found = this.mode?.startsWith('form_post') ? new URLSearchParams(await oauth.formPostResponse(await posted(answer))) : sentTo(answer);
    return this.mode?.endsWith('jwt')
      ? oauth.validateJwtAuthResponse(as, client, found, state, options)
      : oauth.validateAuthResponse(as, client, found, state);
  }

  redeem(parameters) {
    const { as, client } = this;
    return this.#twice(
      () => oauth.authorizationCodeGrantRequest(as, client, this.auth, parameters, CALLBACK, this.verifier, this.options),
      (response) => oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: this.nonce, requireIdToken: true }),
    );
  }

  async logIn() {
    return this.redeem(await this.accept(await decide(this.server, await this.ask())));
  }

  refresh(token) {
    const { as, client } = this;
    return this.#twice(
      () => oauth.refreshTokenGrantRequest(as, client, this.auth, token, this.options),
      (response) => oauth.processRefreshTokenResponse(as, client, response),
    );
  }

  credentials() {
    const { as, client } = this;
    return this.#twice(
      () => oauth.clientCredentialsGrantRequest(as, client, this.auth, { scope: 'read' }, this.options),
      (response) => oauth.processClientCredentialsResponse(as, client, response),
    );
  }

  /** What somebody else vouches for (RFC 7523), as any grant that the library does not know. */
  assertion(assertion, changes = {}) {
    const { as, client } = this;
    const parameters = new URLSearchParams({ assertion, ...changes });
    return this.#twice(
      () => oauth.genericTokenEndpointRequest(as, client, this.auth, JWT_BEARER, parameters, this.options),
      (response) => oauth.processGenericTokenEndpointResponse(as, client, response),
    );
  }

  async resource(token) {
    return this.#twice(
      () => oauth.protectedResourceRequest(token, 'GET', this.server.resource, undefined, undefined, this.options),
      (response) => response.json(),
    );
  }

  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.as, this.client, this.auth, token, this.options));
  }

  async introspect(token) {
    const response = await oauth.introspectionRequest(this.as, this.client, this.auth, token, this.options);
    return oauth.processIntrospectionResponse(this.as, this.client, response);
  }
}

const refuses = (promise, error, status) =>
  assert.rejects(promise, (caught) => {
    assert.ok(caught instanceof oauth.ResponseBodyError, caught);
    assert.deepEqual([caught.error, caught.status], [error, status]);
    return true;
  });

/** A refusal at the token endpoint of who it is; with 401 there is a challenge, which the library reads first. */
const isNobody = (promise) =>
  assert.rejects(promise, (caught) => {
    assert.ok(caught instanceof oauth.WWWAuthenticateChallengeError, caught);
    assert.equal(caught.status, 401);
    return true;
  });

const challenges = (promise, scheme, error) =>
  assert.rejects(promise, (caught) => {
    assert.ok(caught instanceof oauth.WWWAuthenticateChallengeError, caught);
    assert.equal(caught.cause[0].scheme, scheme);
    assert.equal(caught.cause[0].parameters.error, error);
    return true;
  });

/** What every client does with a login. */
async function story(party, type) {
  const id = party.client.client_id;
  const tokens = await party.logIn();
  assert.equal(tokens.token_type, type);
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, 'alice');
  assert.deepEqual(await party.resource(tokens.access_token), { sub: 'alice', client_id: id });
  const next = await party.refresh(tokens.refresh_token);
  assert.equal(next.token_type, type);
  assert.deepEqual(await party.resource(next.access_token), { sub: 'alice', client_id: id });
  if (party.auth !== none) {
    const said = await party.introspect(next.access_token);
    assert.equal(said.active, true);
    assert.equal(said.cnf !== undefined, type === 'dpop' || party.client.use_mtls_endpoint_aliases);
  }
  await party.revoke(next.refresh_token);
  await challenges(party.resource(next.access_token), type, 'invalid_token');
  await refuses(party.refresh(next.refresh_token), 'invalid_grant', 400);
}

const none = oauth.None();

for (const access of ['opaque', 'jwt']) {
  const server = await start(program, { sets, options: ['--access', access] });
  let as;
  for (const algorithm of ['oauth2', 'oidc']) {
    await check(`${access}: discovery by ${algorithm}`, async () => { as = await discover(server, algorithm); });
  }
  await check(`${access}: from the resource to its server (RFC 9728)`, async () => {
    const http = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: server.door() };
    const found = await oauth.processResourceDiscoveryResponse(
      server.resource, await oauth.resourceDiscoveryRequest(server.resource, http),
    );
    assert.deepEqual(found.authorization_servers, [server.issuer.origin]);
    assert.ok(found.dpop_signing_alg_values_supported.includes('ES256'));
  });
  for (const alg of ALGORITHMS) {
    await check(`${access}: key-client, all by ${alg}`, async () => {
      const auth = oauth.PrivateKeyJwt(key.pairs[alg]);
      const party = new Party(server, as, 'key-client', auth, { pair: await oauth.generateKeyPair(alg), pushes: true });
      await story(party, 'dpop');
      // Once: both are of one origin here, and each answer brings the next nonce.
      assert.equal(party.nonces, 1);
      assert.equal((await party.credentials()).token_type, 'dpop');
    });
    await check(`${access}: signed-client, by ${alg}`, async () => {
      const auth = oauth.PrivateKeyJwt(signed.pairs[alg]);
      for (const pushes of [false, true]) {
        await story(new Party(server, as, 'signed-client', auth, { signingKey: signed.pairs[alg], pushes }), 'bearer');
      }
    });
  }
  await check(`${access}: an identity provider vouches for somebody (ID-JAG)`, async () => {
    assert.deepEqual(as.authorization_grant_profiles_supported, ['urn:ietf:params:oauth:grant-profile:id-jag']);
    assert.ok(as.grant_types_supported.includes(JWT_BEARER));
    const auth = oauth.PrivateKeyJwt(signed.pairs.ES256);
    const party = new Party(server, as, 'signed-client', auth);
    const assertion = await identityAssertion(server, 'signed-client');
    const tokens = await party.assertion(assertion);
    assert.deepEqual([tokens.token_type, tokens.scope, tokens.resource], ['bearer', 'read', server.resource.href]);
    assert.equal(tokens.refresh_token, undefined);
    assert.deepEqual(await party.resource(tokens.access_token), { sub: 'alice', client_id: 'signed-client' });
    // A lost answer is given again, by an assertion of the client's own that is new; for something else it was used.
    await party.assertion(assertion);
    await refuses(party.assertion(assertion, { scope: 'read' }), 'invalid_grant', 400);
    await refuses(party.assertion(await identityAssertion(server, 'key-client')), 'invalid_grant', 400);
    await refuses(party.assertion(await identityAssertion(server, 'signed-client', { sub: 'mallory' })), 'invalid_grant', 400);
    await refuses(party.assertion(await identityAssertion(server, 'signed-client', { aud: as.token_endpoint })), 'invalid_grant', 400);
    await refuses(party.assertion(await identityAssertion(server, 'signed-client', { resource: 'https://elsewhere.example' })), 'invalid_target', 400);
    await party.revoke(tokens.access_token);
    await challenges(party.resource(tokens.access_token), 'bearer', 'invalid_token');
    // Bound to a key, it is nothing without it.
    const pair = await oauth.generateKeyPair('ES256', { extractable: true });
    const jkt = await oauth.DPoP({ client_id: 'key-client' }, pair).calculateThumbprint();
    const bound = await identityAssertion(server, 'key-client', { cnf: { jkt } });
    const other = new Party(server, as, 'key-client', oauth.PrivateKeyJwt(key.pairs.ES256), { pair: await oauth.generateKeyPair('ES256') });
    await refuses(other.assertion(bound), 'invalid_grant', 400);
    const holder = new Party(server, as, 'key-client', oauth.PrivateKeyJwt(key.pairs.ES256), { pair });
    const proven = await holder.assertion(bound);
    assert.equal(proven.token_type, 'dpop');
    assert.equal((await holder.resource(proven.access_token)).sub, 'alice');
  });
  await check(`${access}: key-client whose clock is wrong`, async () => {
    // Its assertions are by the right one: nothing but a nonce makes up for that.
    const auth = oauth.PrivateKeyJwt(key.pairs.ES256);
    const party = new Party(server, as, 'key-client', auth, { pushes: true });
    const late = { ...party.client, [oauth.clockSkew]: -86_400 };
    party.options.DPoP = oauth.DPoP(late, await oauth.generateKeyPair('ES256'));
    await story(party, 'dpop');
  });
  await check(`${access}: key-client without its proof`, async () => {
    const auth = oauth.PrivateKeyJwt(key.pairs.ES256);
    const pair = await oauth.generateKeyPair('ES256');
    const party = new Party(server, as, 'key-client', auth, { pair, pushes: true });
    const tokens = await party.logIn();
    const bare = new Party(server, as, 'key-client', auth, { pushes: true });
    await refuses(bare.ask(), 'invalid_dpop_proof', 400);
    await refuses(bare.refresh(tokens.refresh_token), 'invalid_dpop_proof', 400);
    await refuses(bare.credentials(), 'invalid_dpop_proof', 400);
    await challenges(bare.resource(tokens.access_token), 'bearer', 'invalid_token');
    assert.equal((await party.resource(tokens.access_token)).sub, 'alice');
  });
  await check(`${access}: a client that has to push, and one that has to sign`, async () => {
    for (const id of ['key-client', 'signed-client']) {
      const party = new Party(server, as, id, none);
      const answer = await server.door()(await party.ask(), { redirect: 'manual' });
      await assert.rejects(party.accept(answer), (caught) => {
        assert.equal(caught.error, 'invalid_request');
        return true;
      });
    }
  });
  for (const mode of ['jwt', 'query.jwt', 'form_post', 'form_post.jwt', 'query']) {
    await check(`${access}: answers by ${mode}`, async () => {
      for (const parts of [{}, { signingKey: signed.pairs.ES256 }]) {
        const [id, auth] = parts.signingKey ? ['signed-client', oauth.PrivateKeyJwt(signed.pairs.ES256)] : ['browser-client', none];
        const party = new Party(server, as, id, auth, { mode, ...parts });
        assert.equal((await party.logIn()).token_type, 'bearer');
        const refused = party.accept(await decide(server, await party.ask(), 'deny'));
        await assert.rejects(refused, (caught) => caught.error === 'access_denied');
      }
    });
  }
  await check(`${access}: browser-client, without a proof and with one`, async () => {
    await story(new Party(server, as, 'browser-client', none), 'bearer');
    const party = new Party(server, as, 'browser-client', none, { pair: await oauth.generateKeyPair('ES256') });
    await story(party, 'dpop');
    const tokens = await party.logIn();
    const other = new Party(server, as, 'browser-client', none, { pair: await oauth.generateKeyPair('ES256') });
    await refuses(other.refresh(tokens.refresh_token), 'invalid_grant', 400);
    await party.refresh(tokens.refresh_token);
  });
  await check(`${access}: older-client, by the MAC of its secret`, async () => {
    await story(new Party(server, as, 'older-client', oauth.ClientSecretJwt(OLDER_SECRET)), 'bearer');
    const wrong = new Party(server, as, 'older-client', oauth.ClientSecretJwt(`${OLDER_SECRET}!`));
    await isNobody(wrong.refresh('made-up'));
  });
  if (access === 'jwt') {
    await check('a resource server of its own verifies token, proof and binding (RFC 9449 section 7)', async () => {
      const pair = await oauth.generateKeyPair('ES256', { extractable: true });
      const party = new Party(server, as, 'browser-client', none, { pair });
      const { access_token: token } = await party.logIn();
      let sent;
      party.options[oauth.customFetch] = (url, init) => { sent = new Request(url, init); return server.door()(url, init); };
      await party.resource(token);
      const http = { [oauth.allowInsecureRequests]: true };
      const claims = await oauth.validateJwtAccessToken(as, sent, server.resource.href, { requireDPoP: true, ...http });
      assert.deepEqual([claims.sub, claims.client_id], ['alice', 'browser-client']);
      assert.ok(claims.cnf.jkt);
    });
  }
  await server.end();
}

const server = await start(program, { sets, tls: 'ca' });
const as = await discover(server);
const tls = oauth.TlsClientAuth();
await check('mutual TLS: mtls-client', () => story(new Party(server, as, 'mtls-client', tls, { shown: own }), 'bearer'));
await check('mutual TLS: ca-client', () =>
  story(new Party(server, as, 'ca-client', tls, { shown: certificate('first', 'ca-client', { issuer: 'ca' }) }), 'bearer'));
await check('mutual TLS: a certificate is renewed, and the login goes on', async () => {
  const [first, second] = ['first', 'second'].map((name) => certificate(name, 'ca-client', { issuer: 'ca' }));
  const before = new Party(server, as, 'ca-client', tls, { shown: first });
  const tokens = await before.logIn();
  const after = new Party(server, as, 'ca-client', tls, { shown: second });
  await challenges(after.resource(tokens.access_token), 'bearer', 'invalid_token');
  const next = await after.refresh(tokens.refresh_token);
  assert.deepEqual(await after.resource(next.access_token), { sub: 'alice', client_id: 'ca-client' });
});
await check('mutual TLS: certificates that are nobody', async () => {
  for (const shown of [certificate('forged', 'ca-client'), own, {}]) {
    await isNobody(new Party(server, as, 'ca-client', tls, { shown }).credentials());
  }
  for (const shown of [certificate('other', 'mtls-client'), certificate('issued', 'mtls-client', { issuer: 'ca' }), {}]) {
    await isNobody(new Party(server, as, 'mtls-client', tls, { shown }).credentials());
  }
});
await check('over https, without a certificate: key-client and browser-client', async () => {
  const pair = await oauth.generateKeyPair('ES256');
  await story(new Party(server, as, 'key-client', oauth.PrivateKeyJwt(key.pairs.ES256), { pair, pushes: true }), 'dpop');
  await story(new Party(server, as, 'browser-client', none), 'bearer');
});
await server.end();

// FAPI 2.0 Security Profile: every client pushes, every token is bound, refresh tokens stay, and RS256 is nobody's.
const strict = await start(program, { sets, tls: 'ca', options: ['--profile', 'fapi2'] });
const profile = await discover(strict);
const issued = certificate('issued', 'ca-client', { issuer: 'ca' });
for (const [what, id, auth, parts, type] of [
  ...['ES256', 'PS256', 'Ed25519'].flatMap((alg) => [
    [`key-client, by ${alg}`, 'key-client', oauth.PrivateKeyJwt(key.pairs[alg]), { proves: alg }, 'dpop'],
    [`signed-client, by ${alg}`, 'signed-client', oauth.PrivateKeyJwt(signed.pairs[alg]), { proves: alg, signingKey: signed.pairs[alg] }, 'dpop'],
    [`signed-client, by ${alg}, with a signed answer`, 'signed-client', oauth.PrivateKeyJwt(signed.pairs[alg]),
      { proves: alg, signingKey: signed.pairs[alg], mode: 'jwt' }, 'dpop'],
  ]),
  ['mtls-client', 'mtls-client', tls, { shown: own }, 'bearer'],
  ['ca-client', 'ca-client', tls, { shown: issued }, 'bearer'],
  ['key-client with a certificate too', 'key-client', oauth.PrivateKeyJwt(key.pairs.ES256), { proves: 'ES256', shown: own }, 'dpop'],
]) {
  await check(`FAPI 2.0: ${what}`, async () => {
    const pair = parts.proves && await oauth.generateKeyPair(parts.proves);
    const party = new Party(strict, profile, id, auth, { ...parts, pair, pushes: true });
    await story(party, type);
    const tokens = await party.logIn();
    for (let count = 0; count < 2; count += 1) {
      const next = await party.refresh(tokens.refresh_token);
      assert.ok([undefined, tokens.refresh_token].includes(next.refresh_token), 'it does not rotate');
    }
  });
}
await check('FAPI 2.0: what is refused', async () => {
  const pair = await oauth.generateKeyPair('ES256');
  await isNobody(new Party(strict, profile, 'key-client', oauth.PrivateKeyJwt(key.pairs.RS256), { pair }).credentials());
  const old = { pair: await oauth.generateKeyPair('RS256') };
  await refuses(new Party(strict, profile, 'key-client', oauth.PrivateKeyJwt(key.pairs.ES256), old).credentials(), 'invalid_dpop_proof', 400);
  await isNobody(new Party(strict, profile, 'browser-client', none, { pair, pushes: true }).ask());
  await isNobody(new Party(strict, profile, 'older-client', oauth.ClientSecretJwt(OLDER_SECRET), { pair, pushes: true }).ask());
  const bearer = new Party(strict, profile, 'signed-client', oauth.PrivateKeyJwt(signed.pairs.ES256), { signingKey: signed.pairs.ES256, pushes: true });
  await refuses(bearer.logIn(), 'invalid_dpop_proof', 400);
});
await strict.end();
done();
