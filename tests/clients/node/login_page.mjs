// The login page of the example server in Chromium, by somebody who reads, types and clicks, and somebody who attacks.
//
//   SCREENSHOTS=/tmp/pages node login_page.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { launch, typeIn as logIn } from './browser.mjs';
import { checks, formOf, MOBILE, PASSWORD, PORTAL, PORTAL_SECRET, TELEVISION, USER } from './checks.mjs';

const issuer = new URL(process.argv[2]);
const folder = process.env.SCREENSHOTS;
if (folder) mkdirSync(folder, { recursive: true });
const SCOPE = 'apps email openid profile webhooks';

// Where the client waits for the redirect. Also a page of somebody else's, which frames what it is told to, and a proxy
// that has the server under a path.
const heard = [];
const listener = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  response.setHeader('content-type', 'text/html; charset=utf-8');
  if (url.pathname === '/callback') {
    heard.push({ url, referrer: request.headers.referer });
    response.end('<!DOCTYPE html><title>Back</title><h1>Back at the application</h1>');
  } else if (url.pathname === '/frame') {
    response.end('<!DOCTYPE html><title>Framing</title><iframe id="framed" name="framed" width="600" height="600"></iframe>');
  } else if (url.pathname.startsWith('/tenant/')) {
    const { method, headers } = request;
    const inner = new URL(request.url.slice('/tenant'.length), issuer);
    const forwarded = http.request(inner, { method, headers: { ...headers, host: issuer.host } }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  } else {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
const theirs = `http://127.0.0.1:${listener.address().port}`;
const callback = `${theirs}/callback`;

const browser = await launch();
const { context } = browser;
const { check, done } = checks(`login page in Chromium ${browser.version}`.trim());

/** An authorization request, as a URL. `undefined` leaves a parameter out. */
function authorizeUrl(changes = {}) {
  const url = new URL('/oauth2/authorize', issuer);
  const parameters = {
    response_type: 'code',
    client_id: PORTAL,
    redirect_uri: callback,
    scope: SCOPE,
    state: randomBytes(16).toString('hex'),
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

/** A new tab, that must have nothing to complain about. */
async function visit(url, run, { complaints: allowed = false } = {}) {
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    // The status of a page is no complaint of the page's: a browser writes it for all that are not 2xx.
    if (!/Failed to load resource: the server responded with a status of 4/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', async (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  try {
    const response = await page.goto(String(url));
    const answer = await run(page, response);
    if (!allowed) assert.deepEqual(complaints, []);
    return answer;
  } finally {
    await page.close();
  }
}

/** Waits for what the page focuses by itself: a browser does that some time after the page is there. */
async function focused(page, id) {
  await page.waitForFunction((wanted) => document.activeElement.id === wanted, id);
}

/** What the client heard last, once the browser is there. */
async function landed(page) {
  await page.waitForURL((url) => String(url).startsWith(callback));
  assert.equal(await page.locator('h1').innerText(), 'Back at the application');
  return heard.at(-1);
}

/** That a page has nothing in it but what the server means to have there. */
async function isPlain(page) {
  const all = await page.evaluate(() => ({
    tags: [...new Set([...document.querySelectorAll('*')].map((element) => element.localName))],
    attributes: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()),
    hurt: globalThis.hurt,
  }));
  const known = [
    'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'h1', 'p', 'strong', 'code', 'form', 'input', 'label', 'ul',
    'li', 'button', 'div',
  ];
  assert.deepEqual(all.tags.filter((tag) => !known.includes(tag)), []);
  assert.deepEqual(all.attributes.filter((name) => name.startsWith('on') || name === 'src' || name === 'href'), []);
  assert.equal(all.hurt, undefined);
}

function hasHeaders(response) {
  const headers = response.headers();
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['referrer-policy'], 'same-origin');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cache-control'], 'no-store');
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  assert.match(headers['content-security-policy'], /frame-ancestors 'none'/);
  assert.doesNotMatch(headers['content-security-policy'], /script-src/);
}

await check('what the page says', () =>
  visit(authorizeUrl(), async (page, response) => {
    assert.equal(response.status(), 200);
    hasHeaders(response);
    await isPlain(page);
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.match(await page.title(), new RegExp(PORTAL));
    assert.match(await page.locator('h1').innerText(), new RegExp(PORTAL));
    // Those of specifications are said in words.
    const words = SCOPE.split(' ').map((scope) => (scope === 'openid' ? 'know who you are' : scope));
    assert.deepEqual(await page.getByRole('listitem').allInnerTexts(), words);
    assert.equal(await page.getByLabel('Password').getAttribute('type'), 'password');
    assert.equal(await page.getByRole('alert').count(), 0);
    await focused(page, 'username');
  }));

await check('a wrong password, then the right one', () =>
  visit(authorizeUrl({ state: 'af0ifjsldkj', nonce: 'n-0S6_WzA2Mj' }), async (page) => {
    await logIn(page, { password: 'senha124' });
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /wrong/);
    await isPlain(page);
    // The name is still there, the password is not, and is what comes next.
    assert.equal(await page.getByLabel('User name').inputValue(), USER);
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    await focused(page, 'password');
    assert.match(await page.title(), /^Error/);
    await logIn(page);
    const { url, referrer } = await landed(page);
    assert.equal(url.searchParams.get('state'), 'af0ifjsldkj');
    assert.equal(url.searchParams.get('iss'), issuer.origin);
    assert.match(url.searchParams.get('code'), /^[\w-]{43}$/);
    assert.equal(url.searchParams.get('error'), null);
    assert.equal(referrer, undefined);

    const answer = await fetch(new URL('/oauth2/token', issuer), {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${PORTAL}:${PORTAL_SECRET}`)}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code', code: url.searchParams.get('code'), redirect_uri: callback,
      }),
    });
    assert.equal(answer.status, 200);
  }));

await check('the public client, with PKCE', () => {
  const code_challenge = createHash('sha256').update('a'.repeat(43)).digest('base64url');
  return visit(authorizeUrl({ client_id: MOBILE, code_challenge, code_challenge_method: 'S256' }), async (page) => {
    await logIn(page);
    const { url } = await landed(page);
    const answer = await fetch(new URL('/oauth2/token', issuer), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code', client_id: MOBILE, code: url.searchParams.get('code'),
        redirect_uri: callback, code_verifier: 'a'.repeat(43),
      }),
    });
    assert.equal(answer.status, 200);
  });
});

await check('back after the login, and a second login', () =>
  visit(authorizeUrl(), async (page) => {
    await logIn(page);
    const first = (await landed(page)).url.searchParams.get('code');
    await page.goBack();
    // Not the page as it was, of which nothing was kept: it asks anew.
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    await logIn(page);
    const second = (await landed(page)).url.searchParams.get('code');
    assert.ok(second);
    assert.notEqual(second, first);
  }));

/** A television that begins, and what it hears when it asks. */
async function television() {
  const post = async (path, body) => (await fetch(new URL(path, issuer), { method: 'POST', body: new URLSearchParams(body) })).json();
  const begun = await post('/oauth2/device_authorization', { client_id: TELEVISION });
  const poll = () => post('/oauth2/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: TELEVISION, device_code: begun.device_code,
  });
  return { ...begun, poll };
}

for (const [says, button, heard] of [['yes', 'Let it in', undefined], ['no', 'No', 'access_denied']]) {
  await check(`a person says ${says} to a television`, async () => {
    const tv = await television();
    await visit(tv.verification_uri_complete, async (page, response) => {
      hasHeaders(response);
      await isPlain(page);
      assert.equal(await page.getByLabel('Code on the device').inputValue(), tv.user_code);
      await focused(page, 'username');
      await page.getByLabel('User name').fill(USER);
      await page.getByLabel('Password').fill('senha124');
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('alert').waitFor();
      assert.match(await page.getByRole('alert').innerText(), /wrong/);
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('button', { name: button }).waitFor();
      await isPlain(page);
      const text = await page.locator('main').innerText();
      for (const part of ['Living room TV', USER, tv.user_code, 'say no']) assert.ok(text.includes(part), part);
      assert.equal((await tv.poll()).error, 'authorization_pending', 'nothing counts before the answer');
      if (folder) await page.screenshot({ path: join(folder, `device-${says}.png`), fullPage: true });
      await page.getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('heading', { name: /The device is/ }).waitFor();
    });
    const answer = await tv.poll();
    assert.equal(answer.error, heard);
    assert.equal(answer.access_token === undefined, says === 'no');
  });
}

await check('a code that no television shows', () =>
  visit(new URL('/device', issuer), async (page) => {
    await focused(page, 'user_code');
    await page.getByLabel('Code on the device').fill('bbbb bbbb');
    await page.getByLabel('User name').fill(USER);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /No device shows this code/);
    await focused(page, 'user_code');
  }));

await check('Cancel', () =>
  visit(authorizeUrl({ state: 'no' }), async (page) => {
    await page.getByRole('button', { name: 'Cancel' }).click();
    const { url } = await landed(page);
    assert.equal(url.searchParams.get('error'), 'access_denied');
    assert.equal(url.searchParams.get('state'), 'no');
    assert.equal(url.searchParams.get('iss'), issuer.origin);
    assert.equal(url.searchParams.get('code'), null);
  }));

await check('the keyboard alone: Tab and Enter', () =>
  visit(authorizeUrl(), async (page) => {
    await focused(page, 'username');
    await page.keyboard.type(USER);
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    assert.ok((await landed(page)).url.searchParams.get('code'));
  }));

await check('the keyboard alone: every button, in the order of the page', () =>
  visit(authorizeUrl(), async (page) => {
    await focused(page, 'username');
    const order = [];
    for (let index = 0; index < 4; index += 1) {
      order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.innerText));
      // Where the focus is can be seen.
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2;
      });
      assert.ok(outline, `no outline: ${order.at(-1)}`);
      await page.keyboard.press('Tab');
    }
    assert.deepEqual(order, ['username', 'password', 'Log in and allow', 'Cancel']);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    assert.equal((await landed(page)).url.searchParams.get('error'), 'access_denied');
  }));

await check('the form is not sent half filled in', () =>
  visit(authorizeUrl(), async (page) => {
    await page.getByLabel('User name').fill(USER);
    await page.getByRole('button', { name: 'Log in' }).click();
    assert.equal(await page.getByLabel('Password').evaluate((input) => input.validity.valueMissing), true);
    assert.ok(page.url().includes('response_type=code'));
  }));

await check('login_hint', () =>
  visit(authorizeUrl({ login_hint: USER }), async (page) => {
    assert.equal(await page.getByLabel('User name').inputValue(), USER);
    await focused(page, 'password');
  }));

await check('behind a proxy, under a path', () => {
  const { search } = authorizeUrl();
  return visit(`${theirs}/tenant/oauth2/authorize${search}`, async (page) => {
    await logIn(page, { password: 'wrong' });
    await page.getByRole('alert').waitFor();
    assert.equal(new URL(page.url()).pathname, '/tenant/oauth2/authorize');
    await logIn(page);
    assert.ok((await landed(page)).url.searchParams.get('code'));
  });
});

await check('prompt=none', () =>
  visit(authorizeUrl({ prompt: 'none' }), async (page) => {
    assert.equal((await landed(page)).url.searchParams.get('error'), 'login_required');
  }));

const MARKUP = '"><img src=x onerror="globalThis.hurt=1"><script>globalThis.hurt=1;alert(1)</script></style><b>';
const MORE = ["' autofocus onfocus='globalThis.hurt=1", '</title><svg onload=globalThis.hurt=1>', '&quot;&lt;b&gt;&#39;', '<!--'];

// What the server leaves alone; all at once, in each of the pages.
const FREE = [
  'state', 'nonce', 'prompt', 'login_hint', 'ui_locales', 'display', 'acr_values', 'claims_locales', 'resource',
  'username', 'decision', 'unknown',
];
for (const value of [MARKUP, ...MORE]) {
  await check(`markup in what is carried along: ${value}`, () =>
    visit(authorizeUrl(Object.fromEntries(FREE.map((name) => [name, value]))), async (page, response) => {
      assert.equal(response.status(), 200);
      await isPlain(page);
      await logIn(page, { username: value, password: value });
      await page.getByRole('alert').waitFor();
      await isPlain(page);
      assert.equal(await page.getByLabel('User name').inputValue(), value);
      await logIn(page);
      const { url } = await landed(page);
      assert.ok(url.searchParams.get('code'));
      assert.equal(url.searchParams.get('state'), value);
    }));
}

for (const name of ['scope', 'max_age', 'response_type', 'response_mode', 'code_challenge', 'id_token_hint']) {
  await check(`markup in ${name}`, async () => {
    for (const value of [MARKUP, ...MORE]) {
      await visit(authorizeUrl({ [name]: value }), async (page) => {
        const { url } = await landed(page);
        assert.match(url.searchParams.get('error'), /^[a-z_]+$/);
        assert.doesNotMatch(url.searchParams.get('error_description') ?? '', /[<>"]/);
      });
    }
  });
}

for (const name of ['client_id', 'redirect_uri']) {
  await check(`markup in ${name}`, async () => {
    for (const value of [MARKUP, ...MORE]) {
      await visit(authorizeUrl({ [name]: value }), async (page, response) => {
        assert.equal(response.status(), 400);
        hasHeaders(response);
        await isPlain(page);
        assert.ok(page.url().startsWith(issuer.origin));
      });
    }
  });
}

for (const uri of ['https://evil.example/callback', `${theirs}/other`, `${callback}/`, 'javascript:alert(1)', 'data:text/html,hi']) {
  await check(`a tampered redirect URI: ${uri.replace(theirs, '')}`, () =>
    visit(authorizeUrl({ redirect_uri: uri }), async (page, response) => {
      assert.equal(response.status(), 400);
      hasHeaders(response);
      await isPlain(page);
      assert.equal(await page.locator('h1').innerText(), 'This link does not work');
      assert.equal(await page.getByRole('link').count() + await page.getByRole('button').count(), 0);
      assert.ok(page.url().startsWith(issuer.origin));
    }));
}

await check('the page tampered with', () =>
  visit(authorizeUrl(), async (page) => {
    await page.locator('form').evaluate((form, uri) => {
      form.interaction.value = form.interaction.value.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'));
      form.insertAdjacentHTML('beforeend', `<input type="hidden" name="redirect_uri" value="${uri}">`);
    }, 'https://evil.example/callback');
    await logIn(page);
    await told(page, 'The page has expired');
  }));

/** That the browser is at a page of the server that says this, and nobody was sent anywhere. */
async function told(page, heading) {
  await page.getByRole('heading', { name: heading }).waitFor();
  assert.ok(page.url().startsWith(issuer.origin), page.url());
  await isPlain(page);
}

/** Sends the form of a page in a tab of its own, so that it can be sent again. */
async function sendAside(page, button = 'Log in') {
  await page.locator('form').evaluate((form) => { form.target = '_blank'; });
  const opened = context.waitForEvent('page');
  await logIn(page, { button });
  const aside = await opened;
  await aside.waitForLoadState();
  return aside;
}

const redeem = (code) => fetch(new URL('/oauth2/token', issuer), {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`${PORTAL}:${PORTAL_SECRET}`)}` },
  body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback }),
});

await check('a form that is sent twice, and once more after the code was redeemed', () =>
  visit(authorizeUrl(), async (page) => {
    const codes = [];
    for (let index = 0; index < 2; index += 1) {
      const aside = await sendAside(page);
      codes.push((await landed(aside)).url.searchParams.get('code'));
      await aside.close();
    }
    // The same code again: the answer may have got lost.
    assert.ok(codes[0]);
    assert.equal(codes[0], codes[1]);
    assert.equal((await redeem(codes[0])).status, 200);
    const aside = await sendAside(page);
    await told(aside, 'This was answered already');
    await aside.close();
  }));

await check('Cancel, and a yes afterwards', () =>
  visit(authorizeUrl(), async (page) => {
    const no = await sendAside(page, 'Cancel');
    assert.equal((await landed(no)).url.searchParams.get('error'), 'access_denied');
    await no.close();
    const yes = await sendAside(page);
    await told(yes, 'This was answered already');
    await yes.close();
  }));

await check('a wrong password, and a reload that sends it again', () =>
  visit(authorizeUrl(), async (page) => {
    await logIn(page, { password: 'wrong' });
    await page.getByRole('alert').waitFor();
    const response = await page.reload();
    assert.equal(response.request().method(), 'POST');
    assert.match(await page.getByRole('alert').innerText(), /wrong/);
    await logIn(page);
    assert.ok((await landed(page)).url.searchParams.get('code'));
  }));

await check('two tabs, each with its own request', () =>
  visit(authorizeUrl({ state: 'first' }), async (first) => {
    await visit(authorizeUrl({ state: 'second' }), async (second) => {
      const found = {};
      for (const page of [first, second]) {
        await logIn(page);
        const { searchParams } = (await landed(page)).url;
        found[searchParams.get('state')] = searchParams.get('code');
      }
      assert.deepEqual(Object.keys(found), ['first', 'second']);
      assert.notEqual(found.first, found.second);
    });
    const { code } = Object.fromEntries(heard.at(-1).url.searchParams);
    assert.equal((await redeem(code)).status, 200);
  }));

await check('a browser that dropped the cookie', () =>
  visit(authorizeUrl(), async (page) => {
    await context.clearCookies();
    await logIn(page);
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /not shown to this browser/);
    assert.equal(await page.getByLabel('User name').inputValue(), '');
    await logIn(page);
    assert.ok((await landed(page)).url.searchParams.get('code'));
  }));

/** What the attacker's own browser got: a page, and its cookie. */
async function attackersPage() {
  const page = await fetch(authorizeUrl({ state: 'attack' }), { redirect: 'manual' });
  const { fields } = formOf(await page.text());
  fields.set('username', USER);
  fields.set('password', PASSWORD);
  fields.set('decision', 'allow');
  return { fields, cookie: page.headers.getSetCookie()[0].split(';')[0] };
}

/** A page of this origin sends a form to the server, in its own place or into a frame, under a referrer policy. */
async function sendsFrom(from, fields, run, { frame = false, policy } = {}) {
  await visit(`${from}/frame`, async (page) => {
    await page.evaluate(({ action, pairs, target, policy: referrer }) => {
      if (referrer) document.head.insertAdjacentHTML('beforeend', `<meta name="referrer" content="${referrer}">`);
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action, target });
      for (const [name, value] of pairs) {
        const input = document.createElement('input');
        Object.assign(input, { type: 'hidden', name, value });
        form.append(input);
      }
      document.body.append(form);
      form.submit();
    }, { action: String(new URL('/oauth2/authorize', issuer)), pairs: [...fields], target: frame ? 'framed' : '', policy });
    await run(page);
  }, { complaints: true });
}

// Another port is another origin of the same site; another name is another site.
const port = listener.address().port;
for (const from of [theirs, `http://localhost:${port}`]) {
  for (const policy of [undefined, 'no-referrer']) {
    await check(`a form from ${from.replace(port, '…')}, ${policy ?? 'as browsers have it'}`, async () => {
      const before = heard.length;
      const { fields, cookie } = await attackersPage();
      await sendsFrom(from, fields, (page) => told(page, 'Nothing was done'), { policy });
      // Even with the attacker's cookie in the browser, which another port can put there on http.
      const [name, value] = cookie.split('=');
      await context.addCookies([{ name, value, url: issuer.origin, httpOnly: true, sameSite: 'Lax' }]);
      await sendsFrom(from, fields, (page) => told(page, 'Nothing was done'), { policy });
      await context.clearCookies();
      assert.equal(heard.length, before);
    });
    await check(`an authorization that begins by POST from ${from.replace(port, '…')}, ${policy ?? 'as browsers have it'}`, async () => {
      // With what the attacker knows filled in: it counts for nothing.
      const fields = new URLSearchParams(authorizeUrl({ state: 'posted' }).search);
      fields.set('username', USER);
      fields.set('password', PASSWORD);
      fields.set('decision', 'allow');
      const before = heard.length;
      await sendsFrom(from, fields, async (page) => {
        await told(page, `Log in to continue to ${PORTAL}`);
        assert.equal(heard.length, before);
        assert.equal(await page.getByLabel('Password').inputValue(), '');
        await logIn(page);
        assert.equal((await landed(page)).url.searchParams.get('state'), 'posted');
      }, { policy });
    });
  }
}

await check('nobody frames it', () =>
  visit(`${theirs}/frame`, async (page) => {
    for (const url of [authorizeUrl(), authorizeUrl({ redirect_uri: 'https://evil.example/' })]) {
      const refused = page.waitForEvent('console', (message) => /frame-ancestors|X-Frame-Options|Framing/i.test(message.text()));
      await page.locator('#framed').evaluate((frame, src) => { frame.src = src; }, String(url));
      await refused;
      await isNotFramed(page);
    }
  }, { complaints: true }));

async function isNotFramed(page) {
  await page.waitForFunction(() => document.querySelector('#framed').contentDocument === null);
  const frame = page.frames().find((each) => each !== page.mainFrame());
  assert.ok(!frame.url().startsWith(issuer.origin), frame.url());
  assert.equal(await frame.getByLabel('Password').count(), 0);
}

await check('nor what a form that is sent into a frame comes to', async () => {
  const { fields } = await attackersPage();
  const begins = new URLSearchParams(authorizeUrl().search);
  const before = heard.length;
  for (const sent of [fields, begins]) await sendsFrom(theirs, sent, isNotFramed, { frame: true });
  assert.equal(heard.length, before);
});

/** The contrast of two colours, WCAG 2.2 section 1.4.3. */
function contrast(one, other) {
  const luminance = (color) => {
    const [r, g, b] = color.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    await check(`it can be read: ${size}, ${colorScheme}`, async () => {
      const looks = async (page, name) => {
        if (folder) await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
        const found = await page.evaluate(() => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          // A colour over the one behind it, as numbers: by way of a canvas, which knows every notation.
          const over = (colors) => {
            canvas.clearRect(0, 0, 1, 1);
            for (const color of colors) {
              canvas.fillStyle = color;
              canvas.fillRect(0, 0, 1, 1);
            }
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const backgrounds = (element) => {
            const found = [];
            for (let each = element; each; each = each.parentElement) found.unshift(getComputedStyle(each).backgroundColor);
            return found;
          };
          const texts = [...document.querySelectorAll('h1, p, label, li, button, input:not([type=hidden]), strong, code')];
          return {
            wide: document.documentElement.scrollWidth > innerWidth,
            texts: texts.map((element) => {
              const behind = backgrounds(element);
              const style = getComputedStyle(element);
              const { height } = element.getBoundingClientRect();
              return {
                what: `${element.localName} ${element.innerText}`,
                color: over([...behind, style.color]),
                behind: over(behind),
                size: Number.parseFloat(style.fontSize),
                touch: ['button', 'input'].includes(element.localName) ? height : Infinity,
              };
            }),
          };
        });
        assert.equal(found.wide, false, 'it scrolls sideways');
        for (const { what, color, behind, size: font, touch } of found.texts) {
          assert.ok(contrast(color, behind) >= 4.5, `${what}: ${contrast(color, behind)}`);
          assert.ok(font >= 16, `${what}: ${font} pixels`);
          assert.ok(touch >= 44, `${what}: ${touch} pixels high`);
        }
      };
      const look = async (page) => {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
      };
      await visit(authorizeUrl(), async (page) => {
        await look(page);
        await looks(page, 'login');
        await logIn(page, { password: 'wrong' });
        await page.getByRole('alert').waitFor();
        await looks(page, 'wrong');
        if (folder) {
          await page.getByRole('button', { name: 'Cancel' }).focus();
          await page.keyboard.press('Shift+Tab');
          await looks(page, 'focus');
        }
      });
      await visit(authorizeUrl({ redirect_uri: 'https://evil.example/' }), async (page) => {
        await look(page);
        await looks(page, 'error');
      });
    });
  }
}

await browser.end();
listener.close();
done();
