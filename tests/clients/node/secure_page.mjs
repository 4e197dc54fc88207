// The login page of the example server over https in Chromium: the cookie of its forms, and somebody on the same host without TLS, or on a
// host below it with TLS, who can lay cookies for it (RFC 6265 section 8.6) but none of this name (RFC 6265bis section 4.1.3.2).
//
//   node secure_page.mjs target/release/examples/server
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, serve, typeIn } from './browser.mjs';
import { checks, formOf, PORTAL } from './checks.mjs';

const NAME = '__Host-bank-form';
// 32 bytes, as the server's own are: what the attacker knows.
const LAID = Buffer.alloc(32, 7).toString('base64url');

// A certificate that nobody has issued.
const folder = mkdtempSync(join(tmpdir(), 'secure-'));
execFileSync('openssl', [
  'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=bank',
  '-addext', 'subjectAltName=DNS:bank.test,DNS:*.bank.test', '-keyout', 'key.pem', '-out', 'cert.pem',
], { cwd: folder, stdio: 'ignore' });
const [cert, key] = ['cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file)));

// The TLS in front of the server, which is told what the world sees.
let inner;
const front = https.createServer({ cert, key }, (request, response) => {
  const { method, headers } = request;
  if (headers.host.startsWith('evil.')) return lays(request, response);
  return request.pipe(http.request(new URL(request.url, inner), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  }));
});
await new Promise((resolve) => { front.listen(0, '127.0.0.1', resolve); });
const issuer = `https://bank.test:${front.address().port}`;
const below = `https://evil.bank.test:${front.address().port}`;

// Where the client waits, and where somebody lays cookies. Loopback addresses are trusted like https, so the host has a name.
const heard = [];
function lays(request, response) {
  const url = new URL(request.url, 'http://any');
  if (url.pathname !== '/favicon.ico') heard.push({ url, cookie: request.headers.cookie ?? '' });
  response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': url.searchParams.getAll('cookie') });
  response.end('<!DOCTYPE html><title>Back</title>');
}
const plain = http.createServer(lays);
await new Promise((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
const port = plain.address().port;
const theirs = `http://bank.test:${port}`;
const application = `http://127.0.0.1:${port}/callback`;

const server = await serve(process.argv[2], [], ['--issuer', issuer]);
inner = server.issuer;
const browser = await launch({ ignoreHTTPSErrors: true, args: ['--host-resolver-rules=MAP *.test 127.0.0.1, MAP bank.test 127.0.0.1'] });
const { context } = browser;
const { check, done } = checks(`login page over https in Chromium ${browser.version}`.trim());

const authorize = new URL(`/oauth2/authorize?${new URLSearchParams({
  response_type: 'code', client_id: PORTAL, redirect_uri: application, scope: 'openid', state: 'af0ifjsldkj',
})}`, issuer);

/** Lays these cookies, as a page of that origin can. What it is sent of cookies. */
async function lay(from, ...cookies) {
  const page = await context.newPage();
  await page.goto(`${from}/lay?${new URLSearchParams(cookies.map((cookie) => ['cookie', cookie]))}`);
  await page.close();
  return heard.at(-1).cookie;
}

/** The cookies that the browser sends to the server. */
const sent = async () => new Map((await context.cookies(issuer)).map((cookie) => [cookie.name, cookie]));

/** From the page to the application, by somebody who logs in. */
async function logIn() {
  const page = await context.newPage();
  await page.goto(String(authorize));
  await typeIn(page);
  await page.waitForURL((url) => String(url).startsWith(application));
  await page.close();
  return heard.at(-1);
}

await check('the cookie is of this host and of https alone', async () => {
  await context.clearCookies();
  const page = await context.newPage();
  await page.goto(String(authorize));
  const { name, domain, path, secure, httpOnly, sameSite, expires } = (await sent()).get(NAME);
  assert.deepEqual([name, domain, path, secure, httpOnly, sameSite], [NAME, 'bank.test', '/', true, true, 'Lax']);
  assert.equal(expires, -1);
  await page.close();
  assert.equal(await lay(theirs), '', 'nothing of it goes out without TLS');
  assert.equal(await lay(below), '', 'or to another host');
  const { url } = await logIn();
  assert.match(url.searchParams.get('code'), /^[\w-]{43}$/);
  assert.equal(url.searchParams.get('iss'), issuer);
});

await check('nobody else lays it, or takes its place', async () => {
  await context.clearCookies();
  // Each is what a browser throws away.
  const without = [`${NAME}=${LAID}; Path=/`, `${NAME}=${LAID}; Path=/; Secure`, `${NAME}=${LAID}; Path=/oauth2; Secure`];
  const domain = [`${NAME}=${LAID}; Path=/; Secure; Domain=bank.test`];
  await lay(theirs, ...without, ...domain);
  await lay(below, ...without, ...domain);
  assert.equal((await sent()).get(NAME), undefined);
  const page = await context.newPage();
  await page.goto(String(authorize));
  const own = (await sent()).get(NAME).value;
  await lay(theirs, ...without, ...domain);
  await lay(below, ...without, ...domain);
  assert.equal((await sent()).get(NAME).value, own);
  await page.close();
  assert.match((await logIn()).url.searchParams.get('code'), /^[\w-]{43}$/);
});

await check('a cookie of the name that it has without TLS counts for nothing', async () => {
  await context.clearCookies();
  await lay(below, `bank-form=${LAID}; Path=/; Domain=bank.test`);
  assert.equal((await sent()).get('bank-form').value, LAID, 'it is there, and is sent');
  // The attacker's own form, got by a program with the cookie that it knows, is none of this browser's: whoever sends it there would log
  // somebody in for the attacker's request.
  const { fields } = formOf(await asProgram(authorize, `bank-form=${LAID}`));
  const page = await context.newPage();
  await page.goto(String(authorize));
  await page.evaluate((pairs) => {
    for (const [name, value] of pairs) {
      const input = document.querySelector(`input[type=hidden][name="${name}"]`);
      if (input) input.value = value;
    }
  }, [...fields]);
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  // Shown before it is closed: Chromium may open no page any more after one that was closed on its way to another.
  const shown = page.waitForEvent('load');
  await typeIn(page);
  assert.equal((await answered).status(), 403);
  await shown;
  await page.close();
  assert.match((await logIn()).url.searchParams.get('code'), /^[\w-]{43}$/);
});

/** The page as a program gets it that sends this cookie. */
async function asProgram(url, cookie) {
  const answer = await fetch(new URL(url.pathname + url.search, inner), { headers: { cookie } });
  assert.equal(answer.status, 200);
  return answer.text();
}

await browser.end();
await server.end();
front.close();
plain.close();
rmSync(folder, { recursive: true, force: true });
done();
