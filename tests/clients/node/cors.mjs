// What a page of another origin may call by script, as Chromium has it: the recipe for browsers of the manual, in
// examples/shared/cors.rs.
//
//   node cors.mjs target/release/examples/server
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { launch, origin, serve, typeIn } from './browser.mjs';
import { checks, MOBILE, PORTAL, PORTAL_SECRET, USER } from './checks.mjs';

const application = { '/': '<!DOCTYPE html><title>Application</title>', '/callback': '<!DOCTYPE html><title>Back</title>' };
// Other ports are other origins, and so are other names.
const listed = await origin(application);
const strangers = [await origin(application), await origin(application, 'localhost')];
const server = await serve(process.argv[2], [listed.origin, 'https://app.example']);
const browser = await launch();
const { check, done } = checks(`CORS in Chromium ${browser.version}`.trim());

const TOKEN = '/oauth2/token';
const REVOKE = '/oauth2/revoke';
const RESOURCE = '/oauth2/resource';
const DOCUMENTS = ['/oauth2/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
const FOR_PAGES = [TOKEN, REVOKE, RESOURCE, ...DOCUMENTS];
const verifier = 'a'.repeat(43);
const authorize = new URL(`/oauth2/authorize?${new URLSearchParams({
  response_type: 'code', client_id: MOBILE, redirect_uri: `${listed.origin}/callback`, scope: 'openid email', prompt: 'none',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
})}`, server.issuer);

/** A page, whose preflights are written down. */
async function open(from) {
  const page = await browser.context.newPage();
  await page.goto(from);
  const preflights = [];
  const session = await browser.context.newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.requestWillBeSent', ({ request }) => {
    if (request.method === 'OPTIONS') preflights.push(new URL(request.url).pathname);
  });
  return { page, preflights };
}

/** What a script sees of an answer; the name of the error where the browser shows it none. */
const call = (page, path, options = {}) => page.evaluate(async ([url, { form, ...rest }]) => {
  try {
    const response = await fetch(url, form ? { method: 'POST', body: new URLSearchParams(form), ...rest } : rest);
    const header = (name) => response.headers.get(name);
    const body = await response.text();
    return { status: response.status, body, challenge: header('www-authenticate'), date: header('date') };
  } catch (error) {
    return { failed: error.name };
  }
}, [new URL(path, server.issuer).href, options]);
const HIDDEN = { failed: 'TypeError' };
const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });
const basic = { headers: { authorization: `Basic ${btoa(`${PORTAL}:${PORTAL_SECRET}`)}` } };

const { page, preflights } = await open(listed.origin);
let tokens;
await check('a page of a listed origin redeems a code', async () => {
  authorize.searchParams.delete('prompt');
  const other = await browser.context.newPage();
  await other.goto(authorize.href);
  await typeIn(other);
  await other.waitForURL((url) => url.pathname === '/callback');
  const code = new URL(other.url()).searchParams.get('code');
  await other.close();
  const answer = await call(page, TOKEN, { form: {
    grant_type: 'authorization_code', client_id: MOBILE, code, redirect_uri: `${listed.origin}/callback`, code_verifier: verifier,
  } });
  assert.equal(answer.status, 200);
  tokens = JSON.parse(answer.body);
  // A form alone is sent as it is.
  assert.deepEqual(preflights, []);
});
await check('it renews, and reads a refusal', async () => {
  const form = { grant_type: 'refresh_token', client_id: MOBILE, refresh_token: tokens.refresh_token };
  tokens = JSON.parse((await call(page, TOKEN, { form })).body);
  const refused = await call(page, TOKEN, { form: { ...form, refresh_token: 'made-up' } });
  assert.deepEqual([refused.status, JSON.parse(refused.body).error], [400, 'invalid_grant']);
});
await check('a resource, by a preflight', async () => {
  const answer = await call(page, RESOURCE, bearer(tokens.access_token));
  assert.deepEqual([answer.status, JSON.parse(answer.body).sub], [200, USER]);
  assert.deepEqual(preflights.splice(0), [RESOURCE]);
});
await check('the token endpoint, by a preflight', async () => {
  const answer = await call(page, TOKEN, { form: { grant_type: 'client_credentials', scope: 'apps' }, ...basic });
  assert.deepEqual([answer.status, JSON.parse(answer.body).scope], [200, 'apps']);
  assert.deepEqual(preflights.splice(0), [TOKEN]);
});
await check('the challenge of a refusal can be read by script (RFC 6750 section 3)', async () => {
  const refused = await call(page, RESOURCE, bearer('made-up'));
  assert.equal(refused.status, 401);
  assert.match(refused.challenge, /^Bearer .*error="invalid_token"/);
  // And what is not exposed cannot.
  assert.equal(refused.date, null);
  const wrong = await call(page, TOKEN, { form: { grant_type: 'client_credentials' }, headers: { authorization: 'Basic bm9ib2R5Ong=' } });
  assert.deepEqual([wrong.status, wrong.challenge?.split(' ')[0]], [401, 'Basic']);
});
await check('the documents and the JWK set', async () => {
  for (const path of DOCUMENTS) {
    const answer = await call(page, path);
    assert.equal(answer.status, 200, path);
    assert.ok(JSON.parse(answer.body), path);
  }
});
await check('revocation', async () => {
  const answer = await call(page, REVOKE, { form: { client_id: MOBILE, token: tokens.refresh_token } });
  assert.equal(answer.status, 200);
  assert.equal((await call(page, RESOURCE, bearer(tokens.access_token))).status, 401);
});
await check('no cookies', async () => {
  for (const path of FOR_PAGES) assert.deepEqual(await call(page, path, { credentials: 'include' }), HIDDEN, path);
});
await check('other methods and headers', async () => {
  assert.deepEqual(await call(page, RESOURCE, { method: 'DELETE' }), HIDDEN);
  assert.deepEqual(await call(page, RESOURCE, { headers: { 'x-other': '1' } }), HIDDEN);
});
await check('never the authorization endpoint (RFC 9700 section 2.6), nor introspection', async () => {
  assert.deepEqual(await call(page, authorize.href), HIDDEN);
  authorize.searchParams.set('prompt', 'none');
  assert.deepEqual(await call(page, authorize.href), HIDDEN);
  assert.deepEqual(await call(page, '/oauth2/introspect', { form: { token: 'made-up' }, ...basic }), HIDDEN);
  assert.deepEqual(await call(page, '/oauth2/introspect', { form: { token: 'made-up' } }), HIDDEN);
});
for (const stranger of strangers) {
  await check(`an origin that is not listed: ${new URL(stranger.origin).hostname}`, async () => {
    const { page: theirs } = await open(stranger.origin);
    for (const path of FOR_PAGES) {
      assert.deepEqual(await call(theirs, path), HIDDEN, path);
      assert.deepEqual(await call(theirs, path, { form: { client_id: MOBILE } }), HIDDEN, path);
      assert.deepEqual(await call(theirs, path, bearer('made-up')), HIDDEN, path);
    }
    await theirs.close();
  });
}

// The headers themselves, as no browser shows them.
const headersOf = async (path, method, from) => {
  const asks = method === 'OPTIONS'
    ? { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } : {};
  const response = await fetch(new URL(path, server.issuer), { method, redirect: 'manual', headers: { origin: from, ...asks } });
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
};
await check('the headers of each endpoint', async () => {
  for (const path of FOR_PAGES) {
    for (const from of [listed.origin, 'https://app.example']) {
      const headers = await headersOf(path, path === TOKEN || path === REVOKE ? 'POST' : 'GET', from);
      assert.equal(headers['access-control-allow-origin'], from, path);
      assert.deepEqual(headers['access-control-expose-headers'].split(',').sort(), ['dpop-nonce', 'retry-after', 'www-authenticate'], path);
      assert.equal(headers['access-control-allow-credentials'], undefined, path);
      // A cache must not show one origin the answer for another.
      assert.match(headers.vary, /\borigin\b/, path);
      const preflight = await headersOf(path, 'OPTIONS', from);
      assert.equal(preflight['access-control-allow-origin'], from, path);
      assert.deepEqual(preflight['access-control-allow-headers'].split(',').sort(), ['authorization', 'content-type', 'dpop'], path);
    }
    for (const from of ['null', 'https://app.example.evil.example', 'http://app.example', `${listed.origin}0`]) {
      assert.equal((await headersOf(path, 'GET', from))['access-control-allow-origin'], undefined, `${path} ${from}`);
    }
  }
  for (const path of [authorize.href, '/oauth2/introspect']) {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      assert.deepEqual(await headersOf(path, method, listed.origin), {}, `${method} ${path}`);
    }
  }
});

await browser.end();
for (const each of [listed, ...strangers]) each.end();
await server.end();
done();
