// An application in a browser that proves a key which it cannot give away: `oauth4webapi` in a page of another origin than the FAPI
// example, in Chromium. What the page may send and read is for CORS (examples/shared/cors.rs).
//
//   node fapi_browser.mjs target/release/examples/fapi
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { launch, origin, typeIn } from './browser.mjs';
import { checks, versionOf } from './checks.mjs';
import { ALICE, start } from './fapi.mjs';

const library = readFileSync(new URL('node_modules/oauth4webapi/build/index.js', import.meta.url), 'utf8');
const application = await origin({
  '/': '<!DOCTYPE html><title>Application</title>', '/callback': '<!DOCTYPE html><title>Back</title>', '/oauth4webapi.js': library,
});
const server = await start(process.argv[2]);
const browser = await launch();
const { check, done } = checks(`oauth4webapi ${versionOf(import.meta.url, 'oauth4webapi')} in Chromium ${browser.version}`.trim());

/** A page with its key, which stays in it; `step` runs there with the library and what the page keeps. */
async function open() {
  const page = await browser.context.newPage();
  await page.goto(application.origin);
  await page.evaluate(async ([issuer, redirectUri]) => {
    const oauth = await import('/oauth4webapi.js');
    const client = { client_id: 'browser-client', id_token_signed_response_alg: 'ES256' };
    const keys = await oauth.generateKeyPair('ES256', { extractable: false });
    const options = { [oauth.allowInsecureRequests]: true, DPoP: oauth.DPoP(client, keys) };
    const discovered = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...options, DPoP: undefined });
    const as = await oauth.processDiscoveryResponse(new URL(issuer), discovered);
    const twice = async (request, process) => {
      try {
        return await process(await request());
      } catch (error) {
        if (!oauth.isDPoPNonceError(error)) throw error;
        return process(await request());
      }
    };
    globalThis.kept = { oauth, client, keys, options, as, twice, redirectUri, auth: oauth.None() };
  }, [server.issuer.href.slice(0, -1), `${application.origin}/callback`]);
  return page;
}

const step = (page, run, argument) => page.evaluate(run, argument);

/** Has the page push a request, somebody log in at the server, and the page take the code. */
async function logIn(page) {
  const url = await step(page, async () => {
    const { oauth, as, client, auth, options, twice, redirectUri } = globalThis.kept;
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const parameters = {
      response_type: 'code', redirect_uri: redirectUri, scope: 'read', state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    };
    const { request_uri: uri } = await twice(
      () => oauth.pushedAuthorizationRequest(as, client, auth, parameters, options),
      (response) => oauth.processPushedAuthorizationResponse(as, client, response),
    );
    Object.assign(globalThis.kept, { verifier, state });
    return `${as.authorization_endpoint}?${new URLSearchParams({ client_id: client.client_id, request_uri: uri })}`;
  });
  const other = await browser.context.newPage();
  await other.goto(url);
  await typeIn(other, ALICE);
  await other.waitForURL((landed) => landed.pathname === '/callback');
  const landed = other.url();
  await other.close();
  return step(page, async (answer) => {
    const { oauth, as, client, auth, options, twice, redirectUri, verifier, state } = globalThis.kept;
    const parameters = oauth.validateAuthResponse(as, client, new URL(answer), state);
    const tokens = await twice(
      () => oauth.authorizationCodeGrantRequest(as, client, auth, parameters, redirectUri, verifier, options),
      (response) => oauth.processAuthorizationCodeResponse(as, client, response),
    );
    globalThis.kept.tokens = tokens;
    return tokens;
  }, landed);
}

const refresh = (page, token) => step(page, async (other) => {
  const { oauth, as, client, auth, options, twice, tokens } = globalThis.kept;
  try {
    const next = await twice(
      () => oauth.refreshTokenGrantRequest(as, client, auth, other ?? tokens.refresh_token, options),
      (response) => oauth.processRefreshTokenResponse(as, client, response),
    );
    if (!other) globalThis.kept.tokens = next;
    return next;
  } catch (error) {
    return { error: error.error ?? String(error) };
  }
}, token);

/** What the page reads of the resource, or of its challenge. */
const resource = (page, token) => step(page, async ([url, other]) => {
  const { oauth, options, twice, tokens } = globalThis.kept;
  try {
    return await twice(
      () => oauth.protectedResourceRequest(other ?? tokens.access_token, 'GET', new URL(url), undefined, undefined, options),
      (response) => response.json(),
    );
  } catch (error) {
    return { challenge: error.cause?.[0] ?? String(error) };
  }
}, [server.resource.href, token]);

const page = await open();
let tokens;
await check('a page pushes, logs in and reads, with a key that it cannot read itself', async () => {
  await assert.rejects(step(page, () => crypto.subtle.exportKey('jwk', globalThis.kept.keys.privateKey)), /InvalidAccess|not extractable/);
  tokens = await logIn(page);
  assert.equal(tokens.token_type, 'dpop');
  assert.deepEqual(await resource(page), { sub: 'alice', client_id: 'browser-client' });
});
await check('it renews, and reads why it is refused', async () => {
  const next = await refresh(page);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  assert.deepEqual(await resource(page), { sub: 'alice', client_id: 'browser-client' });
  const { challenge } = await resource(page, 'made-up');
  assert.equal(challenge.scheme, 'dpop');
  assert.equal(challenge.parameters.error, 'invalid_token');
});
await check('another page, with a key of its own, can do nothing with what it found', async () => {
  const thief = await open();
  const found = await step(page, () => globalThis.kept.tokens);
  assert.deepEqual(await refresh(thief, found.refresh_token), { error: 'invalid_grant' });
  await logIn(thief);
  const { challenge } = await resource(thief, found.access_token);
  assert.equal(challenge.parameters.error, 'invalid_token');
  assert.deepEqual(await resource(page), { sub: 'alice', client_id: 'browser-client' });
});
await check('a tab that is far behind catches up', async () => {
  const first = (await logIn(page)).refresh_token;
  await refresh(page);
  const last = await refresh(page);
  // It is sent as the page would have it, by the same key.
  assert.equal((await refresh(page, first)).refresh_token, last.refresh_token);
});
await browser.end();
application.end();
await server.end();
done();
