// The pages of the MCP example in Chromium, by somebody who reads, types and clicks, and somebody who attacks; and what a page
// of another origin may call.
//
//   SCREENSHOTS=/tmp/pages node mcp_pages.mjs http://127.0.0.1:8090
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { launch, typeIn } from './browser.mjs';
import { checks } from './checks.mjs';
import { ALICE, BOB } from './mcp.mjs';

const issuer = new URL(process.argv[2]);
const at = (path) => new URL(path, issuer).href;
const folder = process.env.SCREENSHOTS;
if (folder) mkdirSync(folder, { recursive: true });

// Where the client waits for the redirect, and any page of somebody else's: its HTML is in its query.
const listener = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(url.searchParams.get('html') ?? '<!DOCTYPE html><title>Back</title><h1>Back at the application</h1>');
});
await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
const theirs = `http://127.0.0.1:${listener.address().port}`;
const callback = `${theirs}/callback`;
const theirPage = (html) => `${theirs}/?${new URLSearchParams({ html: `<!DOCTYPE html><title>Theirs</title>${html}` })}`;

const browser = await launch();
const { context } = browser;
const { check, done } = checks(`pages of the MCP example in Chromium ${browser.version}`.trim());

async function register(metadata = {}) {
  const body = { client_name: 'Somebody\u2019s editor', redirect_uris: [callback], token_endpoint_auth_method: 'none', ...metadata };
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(at('/register'), { method: 'POST', headers, body: JSON.stringify(body) })).json();
  assert.ok(answer.client_id, JSON.stringify(answer));
  return answer;
}
const VERIFIER = 'a'.repeat(43);
function authorizeUrl(client, changes = {}) {
  const url = new URL('/authorize', issuer);
  const parameters = {
    response_type: 'code', client_id: client.client_id, redirect_uri: client.redirect_uris[0], state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'), code_challenge_method: 'S256',
    resource: at('/mcp'), ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** A new tab. */
async function visit(url, run) {
  const page = await context.newPage();
  const dialogs = [];
  page.on('dialog', async (dialog) => { dialogs.push(dialog.message()); await dialog.dismiss(); });
  try {
    const response = await page.goto(url);
    const answer = await run(page, response);
    assert.deepEqual(dialogs, []);
    return answer;
  } finally {
    await page.close();
  }
}
async function landed(page) {
  await page.waitForURL((url) => String(url).startsWith(callback));
  return new URL(page.url()).searchParams;
}
/** Redeems a code, so that there is a session. */
async function redeem(client, parameters) {
  const body = new URLSearchParams({
    grant_type: 'authorization_code', client_id: client.client_id, code: parameters.get('code'),
    redirect_uri: client.redirect_uris[0], code_verifier: VERIFIER,
  });
  const answer = await fetch(at('/token'), { method: 'POST', body });
  assert.equal(answer.status, 200);
  return answer.json();
}
/** A picture of a page, wide and as a telephone has it; nothing is cut off at either width. */
async function picture(page, name) {
  for (const [kind, width, height] of [['wide', 1280, 800], ['narrow', 360, 740]]) {
    await page.setViewportSize({ width, height });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name}, ${kind}`);
    for (const button of await page.getByRole('button').all()) assert.ok((await button.boundingBox()).height >= 43, `${name}, ${kind}`);
    if (folder) await page.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
const text = (page) => page.locator('main').innerText();

const editor = await register();
await check('a login: what the page says of a client that nobody registered by hand', () =>
  visit(authorizeUrl(editor, { scope: 'mcp:read mcp:write offline_access' }), async (page, response) => {
    assert.equal(response.headers()['x-frame-options'], 'DENY');
    assert.match(response.headers()['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
    const said = await text(page);
    for (const part of ['Connect \u201cSomebody\u2019s editor\u201d?', 'Nobody here has checked this application', '127.0.0.1', at('/mcp'), 'change things']) {
      assert.ok(said.includes(part), said);
    }
    await picture(page, 'mcp-login');
    await typeIn(page, { ...ALICE, password: 'looking-glass' });
    assert.match(await page.getByRole('alert').innerText(), /wrong/);
    assert.equal(await page.getByLabel('User name').inputValue(), 'alice');
    await picture(page, 'mcp-login-again');
    await typeIn(page, ALICE);
    await redeem(editor, await landed(page));
  }));

await check('the next authorization asks for consent alone', () =>
  visit(authorizeUrl(editor, { resource: at('/files'), scope: 'mcp:read' }), async (page) => {
    assert.equal(await page.getByLabel('Password').count(), 0);
    assert.match(await text(page), /logged in as alice/);
    await picture(page, 'mcp-consent');
    await page.getByRole('button', { name: 'Allow' }).click();
    await redeem(editor, await landed(page));
  }));

await check('Cancel', () =>
  visit(authorizeUrl(editor), async (page) => {
    await page.getByRole('button', { name: 'Cancel' }).click();
    const parameters = await landed(page);
    assert.deepEqual([parameters.get('error'), parameters.get('code')], ['access_denied', null]);
  }));

await check('a client that wants the person to log in again', () =>
  visit(authorizeUrl(editor, { prompt: 'login' }), async (page) => {
    assert.equal(await page.getByLabel('Password').count(), 1);
  }));

await check('names and places that spoof', async () => {
  for (const [client_name, redirect_uris, place] of [
    ['<b>Bank</b><script>globalThis.hurt = 1</script>', ['https://bank.example.evil.example/cb'], 'bank.example.evil.example'],
    ['Bank" onmouseover="alert(1)', ['https://b\u00e0nk.example/cb'.normalize()], undefined],
    ['W'.repeat(128), ['cursor://anysphere.cursor-mcp/oauth/callback'], '(cursor:)'],
    ['Claude', ['claude://oauth/callback'], '(claude:)'],
    ['VS Code', ['vscode://vendor.extension/cb'], '(vscode:)'],
  ]) {
    const body = JSON.stringify({ client_name, redirect_uris, token_endpoint_auth_method: 'none' });
    const answer = await fetch(at('/register'), { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (place === undefined) {
      // A URI is ASCII; whatever a name looks like, what is shown is what is sent to.
      assert.equal(answer.status, 400);
      continue;
    }
    const client = await answer.json();
    await visit(authorizeUrl(client), async (page) => {
      const said = await text(page);
      assert.ok(said.includes(client_name) && said.includes(place), said);
      assert.equal(await page.evaluate(() => globalThis.hurt), undefined);
      assert.equal(await page.locator('script, b, img, a').count(), 0);
      if (client_name.startsWith('W')) await picture(page, 'mcp-long-name');
    });
  }
});

/** Lets a form of theirs be sent to us, by a button that looks like something else; it is refused. */
async function submitted(page, frame) {
  const [response] = await Promise.all([
    page.waitForResponse((answer) => answer.request().method() === 'POST'),
    frame.getByRole('button').click({ noWaitAfter: true }),
  ]);
  assert.ok([401, 403].includes(response.status()), `${response.url()}: ${response.status()}`);
  if (frame === page) await page.waitForLoadState();
}
const evil = await register({ client_name: 'Evil', redirect_uris: [`${theirs}/callback?evil`] });
await check('a POST from elsewhere, with the attacker\u2019s own form, is answered by nothing', async () => {
  // The attacker has a page of his own, in his own browser, for his own client.
  const html = await (await fetch(authorizeUrl(evil))).text();
  const inputs = [...html.matchAll(/<input type="hidden"[^>]*>/g)].join('');
  const form = `<form method="post" action="${at('/authorize')}">${inputs}<input name="decision" value="allow"><button>Win a prize</button></form>`;
  await visit(theirPage(form), async (page) => {
    await submitted(page, page);
    assert.match(await text(page), /sent by another site/);
  });
  // Without an origin, as from a sandbox.
  const sandboxed = `<iframe sandbox="allow-forms allow-scripts" srcdoc='${form.replaceAll("'", '&#39;')}'></iframe>`;
  await visit(theirPage(sandboxed), async (page) => {
    await submitted(page, page.frameLocator('iframe'));
  });
});

await check('a page of ours is in no frame of theirs', () =>
  visit(theirPage(`<iframe src="${authorizeUrl(editor).replaceAll('&', '&amp;')}" width="600" height="600"></iframe>`), async (page) => {
    const frame = page.frames()[1];
    await page.waitForLoadState('networkidle');
    assert.equal(await frame.locator('button').count(), 0);
  }));

await check('a form that was shown for one request does not answer another', () =>
  visit(authorizeUrl(editor), async (page) => {
    const other = await context.newPage();
    await other.goto(authorizeUrl(evil));
    const handle = await other.locator('input[name=interaction]').inputValue();
    await other.close();
    await page.evaluate((value) => { document.querySelector('input[name=interaction]').value = value; }, handle);
    await page.getByRole('button', { name: 'Allow' }).click();
    assert.match(await page.getByRole('alert').innerText(), /not shown to this browser/);
    assert.match(await page.locator('h1').innerText(), /Evil/);
  }));

await check('the account page, and the end of one session and of all', () =>
  visit(at('/account'), async (page) => {
    assert.equal(await page.getByRole('listitem').count(), 2);
    const said = await text(page);
    for (const part of ['Connected to alice', 'Somebody\u2019s editor', 'a program on this device (127.0.0.1)', at('/files'), 'Chrome', 'Last used']) {
      assert.ok(said.includes(part), said);
    }
    await picture(page, 'mcp-account');
    await page.getByRole('button', { name: 'Disconnect', exact: true }).first().click();
    // Not by the address, which is the same before.
    await page.getByRole('listitem').nth(1).waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('listitem').count(), 1);
    // A form of another browser's, or of none.
    for (const csrf of ['', 'AAAA', await page.locator('input[name=id]').first().inputValue()]) {
      await page.evaluate((value) => { for (const input of document.getElementsByName('csrf')) input.value = value; }, csrf);
      await page.getByRole('button', { name: 'Disconnect everything' }).click();
      await page.waitForURL(at('/account/end-all'));
      assert.match(await text(page), /Nothing was done/);
      await page.goto(at('/account'));
      assert.equal(await page.getByRole('listitem').count(), 1);
    }
    // What a page of another site sends is for tests/examples/mcp/account.rs.
    await page.getByRole('button', { name: 'Disconnect everything' }).click();
    await page.getByText('Nothing is connected').waitFor();
    await picture(page, 'mcp-account-empty');
  }));

await check('a consent page of alice\u2019s is not answered by bob', () =>
  visit(authorizeUrl(editor), async (page) => {
    await visit(authorizeUrl(editor, { prompt: 'login' }), async (other) => {
      await typeIn(other, BOB);
      await landed(other);
    });
    await page.getByRole('button', { name: 'Allow' }).click();
    assert.match(await page.getByRole('alert').innerText(), /not shown to this browser/);
    assert.match(await text(page), /logged in as bob/);
  }));

await check('a page of another origin gets from the first refusal to a tool by script, and reads no page of a person', () =>
  visit(theirPage(''), async (page) => {
    const found = await page.evaluate(async ([origin, redirect]) => {
      const json = async (url, options) => (await fetch(url, options)).json();
      const version = { 'mcp-protocol-version': '2025-11-25' };
      const message = { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }) };
      const headers = { ...version, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const refused = await fetch(`${origin}/mcp`, { ...message, headers });
      const challenge = refused.headers.get('www-authenticate');
      const metadata = await json(challenge.match(/resource_metadata="([^"]+)"/)[1], { headers: version });
      const server = await json(`${metadata.authorization_servers[0]}/.well-known/oauth-authorization-server`, { headers: version });
      await json(server.jwks_uri);
      const client = await json(server.registration_endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [redirect], token_endpoint_auth_method: 'none' }),
      });
      const token = await json(server.token_endpoint, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('machine:machine-secret-for-trying-out-only-please')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      const bearer = { ...headers, authorization: `Bearer ${token.access_token}` };
      const said = await json(`${origin}/mcp`, { ...message, headers: bearer });
      const pages = [];
      for (const path of ['/authorize', '/account']) pages.push(await fetch(`${origin}${path}`, { credentials: 'include' }).then(() => path, () => 'unreadable'));
      return { refused: refused.status, client: client.client_id, said, pages };
    }, [issuer.origin, callback]);
    assert.equal(found.refused, 401);
    assert.match(found.client, /^dcr\./);
    assert.match(found.said.result.content[0].text, /client: machine/);
    assert.deepEqual(found.pages, ['unreadable', 'unreadable']);
  }));

await browser.end();
listener.close();
done();
