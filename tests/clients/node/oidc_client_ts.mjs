// A single-page application with `oidc-client-ts`, in Chromium: its pages are of one origin and the example server of
// another, so that all it does goes through CORS.
//
//   node oidc_client_ts.mjs target/release/examples/server
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { launch, origin, serve, typeIn } from './browser.mjs';
import { checks, MOBILE, USER, versionOf } from './checks.mjs';

const SCOPE = 'apps email openid profile webhooks';
const library = join(dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json')), 'dist/browser/oidc-client-ts.js');
const application = '<!DOCTYPE html><title>Application</title><script src="/library.js"></script>';
const pages = await origin({ '/': application, '/callback': application, '/library.js': readFileSync(library, 'utf8') });
const server = await serve(process.argv[2], [pages.origin]);
const browser = await launch();
const { check, done } = checks(`oidc-client-ts ${versionOf(import.meta.url, 'oidc-client-ts')}`);

const settings = {
  authority: server.issuer,
  client_id: MOBILE,
  redirect_uri: `${pages.origin}/callback`,
  silent_redirect_uri: `${pages.origin}/callback`,
  response_type: 'code',
  scope: SCOPE,
  automaticSilentRenew: false,
  // The userinfo endpoint, from another origin.
  loadUserInfo: true,
  silentRequestTimeoutInSeconds: 5,
};

/** Opens a page of the application, with a manager of users in it. */
async function open(path = '/') {
  const page = await browser.context.newPage();
  await page.goto(pages.origin + path);
  await manage(page);
  return page;
}

async function manage(page) {
  await page.waitForFunction(() => globalThis.oidc);
  await page.evaluate((given) => {
    const store = new oidc.WebStorageStateStore({ store: localStorage });
    globalThis.users = new oidc.UserManager({ ...given, userStore: store, stateStore: store });
    // What the library says, or its error; its own kinds have a code.
    globalThis.outcome = (promise) => promise.then(
      (user) => user && { ...user, expired: user.expired },
      (error) => ({ failed: error.name, error: error.error, message: error.message, known: error instanceof oidc.ErrorResponse }),
    );
  }, settings);
}

/** Sends the browser to the login page, acts there, and lets the library take in what comes back. */
async function signIn(page, act = typeIn) {
  await page.evaluate(() => { users.signinRedirect({ nonce: 'n-0S6_WzA2Mj', url_state: 'where I was' }); });
  await page.waitForURL((url) => url.pathname === '/oauth2/authorize');
  await act(page);
  await page.waitForURL((url) => url.pathname === '/callback');
  await manage(page);
  return page.evaluate(() => outcome(users.signinRedirectCallback()));
}

/** Holds the next token request of each of the tabs until all of them have one to send. */
async function meet(...tabs) {
  let waiting = tabs.length;
  let start;
  const started = new Promise((resolve) => { start = resolve; });
  for (const tab of tabs) {
    await tab.exposeFunction('others', () => { if ((waiting -= 1) === 0) start(); return started; });
    await tab.evaluate(() => {
      const send = globalThis.fetch;
      globalThis.fetch = async (url, init) => {
        if (init?.method === 'POST') await others();
        return send(url, init);
      };
    });
  }
}

const renew = (page) => page.evaluate(() => outcome(users.signinSilent()));
const keep = (page, user) => page.evaluate((kept) => users.storeUser(new oidc.User(kept)), user);
const refused = (answer, code) => assert.deepEqual([answer.failed, answer.error, answer.known], ['ErrorResponse', code, true]);
const resource = (page, user) => page.evaluate(async ([url, token]) => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, said: response.headers.get('www-authenticate') };
}, [`${server.issuer}/oauth2/resource`, user.access_token]);

const page = await open();
let first;
await check('discovery and the JWK set', async () => {
  const [metadata, keys] = await page.evaluate(async () => [
    await users.metadataService.getMetadata(), await users.metadataService.getSigningKeys(),
  ]);
  assert.equal(metadata.issuer, server.issuer);
  assert.deepEqual(keys.map(({ kty, alg }) => [kty, alg]), [['RSA', 'RS256']]);
});
await check('a login with PKCE, from redirect to redirect', async () => {
  first = await signIn(page);
  assert.equal(first.failed, undefined, first.message);
  assert.deepEqual([first.profile.sub, first.profile.email], [USER, 'teste@example.com']);
  assert.equal(first.url_state, 'where I was');
  assert.equal(first.scope, SCOPE);
  assert.equal(first.expired, false);
  assert.equal((await resource(page, first)).status, 200);
});
await check('a refresh, its retry, and a replay that ends the login', async () => {
  const second = await renew(page);
  assert.equal(second.failed, undefined, second.message);
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal(second.profile.sub, USER);
  // The response got lost: what was kept is the old one.
  await keep(page, first);
  assert.equal((await renew(page)).refresh_token, second.refresh_token);
  const third = await renew(page);
  assert.notEqual(third.refresh_token, second.refresh_token);
  await keep(page, first);
  refused(await renew(page), 'invalid_grant');
  await keep(page, third);
  refused(await renew(page), 'invalid_grant');
  const { status, said } = await resource(page, third);
  assert.equal(status, 401);
  assert.match(said, /^Bearer .*error="invalid_token"/);
});
await check('two tabs that renew at once stay logged in, both of them', async () => {
  await signIn(page);
  const other = await open();
  await meet(page, other);
  const found = await Promise.all([renew(page), renew(other)]);
  assert.deepEqual(found.map(({ failed }) => failed), [undefined, undefined]);
  assert.equal(found[0].refresh_token, found[1].refresh_token);
  for (const user of found) assert.equal((await resource(page, user)).status, 200);
  assert.equal((await renew(other)).failed, undefined);
  await other.close();
});
await check('revocation of both tokens', async () => {
  const user = await signIn(page);
  assert.equal((await page.evaluate(() => outcome(users.revokeTokens())))?.failed, undefined);
  assert.equal((await resource(page, user)).status, 401);
  await keep(page, user);
  refused(await renew(page), 'invalid_grant');
});
await check('a logout: the browser is that of the session, so nobody is asked', async () => {
  const user = await signIn(page);
  assert.equal(typeof user.profile.sid, 'string');
  await page.evaluate(() => { users.signoutRedirect(); });
  await page.waitForURL((url) => url.pathname === '/oauth2/logout');
  await page.getByText('You are logged out').waitFor();
  await page.goto(pages.origin);
  await manage(page);
  await keep(page, user);
  refused(await renew(page), 'invalid_grant');
  await page.evaluate(() => users.removeUser());
});
await check('the person cancels', async () => {
  refused(await signIn(page, (form) => form.getByRole('button', { name: 'Cancel' }).click()), 'access_denied');
});
await check('the client finds another nonce', async () => {
  const other = await open();
  const answer = await signIn(page, async (form) => {
    await other.evaluate(() => {
      for (const [key, text] of Object.entries(localStorage)) {
        if (text.includes('n-0S6_WzA2Mj')) localStorage[key] = text.replace('n-0S6_WzA2Mj', 'another');
      }
    });
    await typeIn(form);
  });
  assert.match(answer.message, /nonce/);
  await other.close();
});
await check('a frame without a login: prompt=none', async () => {
  await page.evaluate(() => users.removeUser());
  const silent = renew(page);
  const frame = await page.waitForFunction(() => {
    try {
      return frames[0]?.location.pathname === '/callback' && frames[0].document.readyState === 'complete';
    } catch {
      return false;
    }
  });
  assert.ok(frame);
  await page.evaluate(() => users.signinCallback(frames[0].location.href));
  refused(await silent, 'login_required');
});
await check('the client finds a state that is none of its own', async () => {
  await page.goto(`${pages.origin}/callback?code=made-up&state=made-up`);
  await manage(page);
  const answer = await page.evaluate(() => outcome(users.signinRedirectCallback()));
  assert.match(answer.message, /No matching state/);
});

await browser.end();
pages.end();
await server.end();
done();
