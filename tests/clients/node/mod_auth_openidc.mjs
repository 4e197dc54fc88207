// Apache's `mod_auth_openidc` as a relying party of the bank: it logs in, reads userinfo, refreshes, and logs out, by its own logout
// and by the back channel. Debian's packages apache2-bin and libapache2-mod-auth-openidc.
//
//   node mod_auth_openidc.mjs target/release/examples/server
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checks, formOf, freePort, jwtPart, PASSWORD, PORTAL, PORTAL_SECRET, USER } from './checks.mjs';
import { serve } from './browser.mjs';

const MODULES = process.env.APACHE_MODULES ?? '/usr/lib/apache2/modules';
const SIGNED_OUT = 'http://127.0.0.1:7/signed-out';
const { check, done } = checks('mod_auth_openidc');

// Both servers have to know it before it is there.
const site = `http://127.0.0.1:${await freePort()}`;
const callback = `${site}/protected/callback`;
const server = await serve(process.argv[2], [], [
  '--redirect-uri', callback, '--backchannel-logout', `${callback}?logout=backchannel`,
]);

const folder = mkdtempSync(join(tmpdir(), 'apache-'));
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'pages', 'protected'), { recursive: true });
writeFileSync(join(folder, 'pages', 'protected', 'page.html'), 'what only people see who are logged in');
const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_openidc'];
writeFileSync(join(folder, 'httpd.conf'), `
ServerRoot ${folder}
ServerName 127.0.0.1
Listen ${site.slice('http://'.length)}
PidFile ${folder}/httpd.pid
ErrorLog ${folder}/error.log
LogLevel warn auth_openidc:info
Mutex file:${folder} default
DocumentRoot ${folder}/pages
${loaded.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
OIDCProviderMetadataURL ${server.issuer}/.well-known/openid-configuration
OIDCClientID ${PORTAL}
OIDCClientSecret ${PORTAL_SECRET}
OIDCIDTokenSignedResponseAlg HS256
OIDCRedirectURI ${callback}
OIDCRedirectURLsAllowed ^http://127\\.0\\.0\\.1
OIDCCryptoPassphrase for-trying-out-only
OIDCScope "openid email"
OIDCPKCEMethod S256
OIDCInfoHook access_token refresh_token id_token userinfo
<Location /protected>
  AuthType openid-connect
  Require valid-user
</Location>
`);
const apache = spawn('apache2', ['-f', join(folder, 'httpd.conf'), '-DFOREGROUND'], { stdio: ['ignore', 'inherit', 'inherit'] });
const apacheEnd = new Promise((resolve) => { apache.on('close', resolve); });
for (let tries = 0; tries < 100 && !existsSync(join(folder, 'httpd.pid')); tries += 1) {
  await new Promise((resolve) => { setTimeout(resolve, 100); });
}

/** A request as a browser navigates: `fetch` says `Sec-Fetch-Mode: cors`, and such the module sends to no login page. */
function exchange(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const form = body && { 'content-type': 'application/x-www-form-urlencoded' };
    const request = http.request(url, { method, headers: { ...headers, ...form } }, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      resolve({ status: answer.statusCode, location: answer.headers.location, cookies: answer.headers['set-cookie'] ?? [], text });
    });
    request.on('error', reject).end(body?.toString());
  });
}

/** A browser as far as cookies go, one jar for each origin's host and port. It follows nothing by itself. */
class Browser {
  jars = new Map();

  async send(url, init = {}) {
    const { origin } = new URL(url);
    const jar = this.jars.get(origin) ?? new Map();
    this.jars.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...init.headers, ...(cookie && { cookie }), accept: 'text/html' };
    const response = await exchange(url, { ...init, headers });
    for (const set of response.cookies) {
      const [pair] = set.split(';');
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '' || /expires=Thu, 01[ -]Jan[ -]1970/i.test(set)) jar.delete(name); else jar.set(name, value);
    }
    return response;
  }

  async follow(response) {
    assert.ok([302, 303].includes(response.status), `${response.status} ${response.text}`);
    return this.send(response.location);
  }

  /** Sends the form of the bank's page, from that page. */
  async submit(page, url, changes) {
    const { action, fields } = formOf(page.text);
    for (const [name, value] of Object.entries(changes)) fields.set(name, value);
    return this.send(new URL(action, url), { method: 'POST', body: fields, headers: { origin: server.issuer } });
  }

  /** From the protected page over the login and back to it. */
  async logIn() {
    const asked = await this.send(`${site}/protected/page.html`);
    assert.equal(asked.status, 302, asked.text);
    const url = asked.location;
    assert.ok(url.startsWith(`${server.issuer}/oauth2/authorize?`), url);
    const page = await this.send(url);
    const answer = await this.submit(page, url, { username: USER, password: PASSWORD, decision: 'allow' });
    const shown = await this.follow(await this.follow(answer));
    assert.equal(shown.status, 200);
    assert.match(shown.text, /only people see/);
  }

  async info() {
    const response = await this.send(`${callback}?info=json`);
    assert.equal(response.status, 200);
    return JSON.parse(response.text);
  }

  async isLoggedIn() {
    return (await this.send(`${site}/protected/page.html`)).status === 200;
  }
}

const refused = async (refresh) => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refresh });
  const authorization = `Basic ${Buffer.from(`${PORTAL}:${PORTAL_SECRET}`).toString('base64')}`;
  const response = await fetch(`${server.issuer}/oauth2/token`, { method: 'POST', body, headers: { authorization } });
  assert.deepEqual([response.status, (await response.json()).error], [400, 'invalid_grant']);
};

await check('a login, and what it reads at the userinfo endpoint', async () => {
  const browser = new Browser();
  await browser.logIn();
  const { userinfo, id_token: idToken } = await browser.info();
  assert.deepEqual([userinfo.sub, userinfo.email], [USER, 'teste@example.com']);
  assert.equal(idToken.sub, USER);
  assert.equal(typeof idToken.sid, 'string');
});
await check('a refresh', async () => {
  const browser = new Browser();
  await browser.logIn();
  const before = await browser.info();
  const refresh = `${callback}?refresh=${encodeURIComponent(`${site}/protected/page.html`)}&access_token=${before.access_token}`;
  const back = await browser.follow(await browser.send(refresh));
  assert.equal(back.status, 200);
  const after = await browser.info();
  assert.notEqual(after.access_token, before.access_token);
  assert.notEqual(after.refresh_token, before.refresh_token);
  assert.equal(jwtPart(after.access_token, 1).sub, USER);
});
await check('its own logout: out here, out there, and back', async () => {
  const browser = new Browser();
  await browser.logIn();
  const { refresh_token: token } = await browser.info();
  const out = await browser.send(`${callback}?logout=${encodeURIComponent(SIGNED_OUT)}`);
  const target = new URL(out.location);
  assert.equal(target.origin + target.pathname, `${server.issuer}/oauth2/logout`);
  assert.equal(target.searchParams.get('post_logout_redirect_uri'), SIGNED_OUT);
  const back = await browser.follow(out);
  // It is the browser of that very session, so nobody is asked.
  assert.equal(back.status, 303, back.text);
  assert.ok(back.location.startsWith(SIGNED_OUT));
  assert.equal(await browser.isLoggedIn(), false);
  await refused(token);
});
await check('a logout at the bank: it hears of it by the back channel, another browser stays', async () => {
  const [browser, other] = [new Browser(), new Browser()];
  await browser.logIn();
  await other.logIn();
  const { refresh_token: token } = await browser.info();
  const url = `${server.issuer}/oauth2/logout`;
  const page = await browser.send(url);
  assert.equal(page.status, 200);
  const out = await browser.submit(page, url, { decision: 'logout' });
  assert.equal(out.status, 200);
  for (let tries = 0; tries < 50 && (await browser.isLoggedIn()); tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  assert.equal(await browser.isLoggedIn(), false);
  assert.equal(await other.isLoggedIn(), true);
  await refused(token);
});

apache.kill('SIGTERM');
await apacheEnd;
await server.end();
done();
if (process.exitCode) console.error(readFileSync(join(folder, 'error.log'), 'utf8'));
rmSync(folder, { recursive: true, force: true });
