// The FAPI example as an authorization server of atproto, driven by `@atproto/oauth-client-node`: clients whose document has their
// keys, or says where these are, and one of this machine (`http://localhost?…`), which has no document.
//
// Nothing of it leaves this machine: the example is at `http://127.0.0.1`, its person is `did:web:localhost%3A…`, which the library
// looks up there itself, and the documents of `https://app.example` come from where `--client-document` says. Not run for want of
// the internet: handles (their look-up is a fake that knows nobody), `did:plc`, and documents over https.
//
//   node fapi_atproto.mjs target/release/examples/fapi
import assert from 'node:assert/strict';
import http from 'node:http';
import { atprotoLoopbackClientMetadata, JoseKey, NodeOAuthClient } from '@atproto/oauth-client-node';
import { checks, versionOf } from './checks.mjs';
import { decide, start } from './fapi.mjs';

const program = process.argv[2];
const { check, done } = checks(`@atproto/oauth-client-node ${versionOf(import.meta.url, '@atproto/oauth-client-node')} at the FAPI example`);
const ID = 'https://app.example/client-metadata.json';
const OTHER = 'https://app.example/other-metadata.json';
const JWKS = 'https://app.example/jwks.json';
const SCOPE = 'atproto transition:generic';

/** The site of the clients: what they say of themselves. */
const keys = [await JoseKey.generate(['ES256'], 'one')];
const setOf = (own) => ({ keys: own.map((key) => key.publicJwk) });
const metadataOf = (own, id = ID) => ({
  client_id: id, client_name: 'An app', client_uri: 'https://app.example', redirect_uris: ['https://app.example/callback'],
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope: SCOPE, application_type: 'web',
  token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', dpop_bound_access_tokens: true,
  ...(id === OTHER ? { jwks_uri: JWKS } : { jwks: setOf(own) }),
});
const pages = { [ID]: metadataOf(keys), [OTHER]: metadataOf(keys, OTHER), [JWKS]: setOf(keys) };
const site = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(pages[`https://app.example${request.url}`]));
});
await new Promise((resolve) => { site.listen(0, '127.0.0.1', resolve); });
const server = await start(program, {
  options: ['--profile', 'atproto', ...Object.keys(pages).flatMap((url) => {
    const instead = `http://127.0.0.1:${site.address().port}${new URL(url).pathname}`;
    return ['--client-document', `${url}=${instead}`];
  })],
});
const issuer = server.issuer.origin;
const did = `did:web:localhost%3A${server.issuer.port}`;

class Kept {
  #all = new Map();

  get(key) { return this.#all.get(key); }
  set(key, value) { this.#all.set(key, value); }
  del(key) { this.#all.delete(key); }
}

/** An application, with what it keeps and what it heard. */
function application(clientMetadata, keyset) {
  const heard = [];
  const client = new NodeOAuthClient({
    clientMetadata, keyset, allowHttp: true, stateStore: new Kept(), sessionStore: new Kept(),
    handleResolver: { resolve: async () => null },
    requestLock: (_, run) => run(),
    fetch: async (...asked) => {
      const request = new Request(...asked);
      const path = new URL(request.url).pathname;
      const response = await fetch(request);
      heard.push({ path, status: response.status, nonce: response.headers.get('dpop-nonce') });
      return response;
    },
  });
  const at = (path) => heard.splice(0).filter((one) => one.path === path);
  return { client, at };
}

const loopback = new URL('http://localhost');
loopback.searchParams.set('redirect_uri', 'http://127.0.0.1:49343/callback');
loopback.searchParams.set('scope', SCOPE);
const LOCAL = loopback.href.replace('http://localhost/?', 'http://localhost?');

/** Begins at the server, and comes back with what the browser is sent to. */
async function logIn({ client }, decision = 'allow') {
  const url = await client.authorize(issuer, { state: 'its own', scope: SCOPE });
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const answer = await decide(server, url, decision);
  assert.equal(answer.status, 303, await answer.text());
  const landed = new URL(answer.headers.get('location'));
  assert.ok(client.clientMetadata.redirect_uris.includes(landed.origin + landed.pathname));
  return client.callback(landed.searchParams);
}

const served = async (session) => {
  const response = await session.fetchHandler('/resource');
  return [response.status, await response.json().catch(() => null)];
};

for (const [name, make] of [
  ['a client with keys', () => application(metadataOf(keys), keys)],
  ['a client with a jwks_uri', () => application(metadataOf(keys, OTHER), keys)],
  ['a client of this machine', () => application(atprotoLoopbackClientMetadata(LOCAL))],
]) {
  await check(`${name}: a login, and what it is for`, async () => {
    const app = make();
    const { session, state } = await logIn(app);
    assert.deepEqual([state, session.did], ['its own', did]);
    // The first push learns the nonce; with it the same body, the same assertion, is good.
    assert.deepEqual(app.at('/par').map(({ status }) => status), [400, 201]);
    const id = app.client.clientMetadata.client_id;
    assert.deepEqual(await served(session), [200, { sub: did, client_id: id }]);
    const { scope, iss, aud } = await session.getTokenInfo(false);
    assert.deepEqual([scope, iss, new URL(aud).origin], [SCOPE, issuer, issuer]);
  });
  await check(`${name}: every answer to a proof has a nonce`, async () => {
    const app = make();
    const { session } = await logIn(app);
    await served(session);
    const answers = app.at('/token');
    assert.notEqual(answers.length, 0);
    for (const one of answers) assert.ok(one.nonce, JSON.stringify(one));
  });
  await check(`${name}: refreshes, one after the other and at once`, async () => {
    const app = make();
    const { session } = await logIn(app);
    const before = await session.getTokenSet(false);
    for (let count = 0; count < 3; count += 1) await app.client.restore(did, true);
    const after = await session.getTokenSet(false);
    assert.notEqual(after.access_token, before.access_token);
    assert.notEqual(after.refresh_token, before.refresh_token);
    assert.equal((await served(session))[0], 200);
    await Promise.all([1, 2, 3].map(() => app.client.restore(did, true)));
    assert.equal((await served(await app.client.restore(did, false)))[0], 200);
  });
  await check(`${name}: another application that found its refresh token`, async () => {
    const app = make();
    const thief = make();
    const { session } = await logIn(app);
    const { session: other } = await logIn(thief);
    const own = await session.getTokenSet(false);
    await assert.rejects(other.server.refresh({ ...own }));
    assert.equal((await served(session))[0], 200);
    await app.client.restore(did, true);
  });
  await check(`${name}: the person says no`, async () => {
    await assert.rejects(logIn(make(), 'deny'), (caught) => {
      assert.equal(caught.params.get('error'), 'access_denied');
      return true;
    });
  });
  await check(`${name}: it signs out`, async () => {
    const app = make();
    const { session } = await logIn(app);
    const tokens = await session.getTokenSet(false);
    await session.signOut();
    await assert.rejects(app.client.restore(did));
    const response = await fetch(new URL('/resource', issuer), { headers: { authorization: `DPoP ${tokens.access_token}` } });
    assert.equal(response.status, 401);
  });
}
await check('a client whose document does not name the key that it signs by', async () => {
  const app = application(metadataOf([await JoseKey.generate(['ES256'], 'one')]), [await JoseKey.generate(['ES256'], 'one')]);
  await assert.rejects(logIn(app), (caught) => caught.error === 'invalid_client');
});
site.close();
await server.end();
done();
