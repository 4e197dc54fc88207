// The login page of the example server in Chromium, by somebody who reads, types and clicks, and somebody who attacks.
//
//   SCREENSHOTS=/tmp/pages node main.mjs http://127.0.0.1:8080
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { checks, MOBILE, PASSWORD, PORTAL, PORTAL_SECRET, USER } from '../checks.mjs';

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
    response.end('<!DOCTYPE html><title>Framing</title><iframe id="framed" width="600" height="600"></iframe>');
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

const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  chromiumSandbox: false,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
  viewport: { width: 1280, height: 800 },
});
context.setDefaultTimeout(10_000);
const { check, done } = checks(`chromium ${context.browser()?.version() ?? ''}`.trim());

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

async function logIn(page, { username = USER, password = PASSWORD } = {}) {
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
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
  assert.equal(headers['referrer-policy'], 'no-referrer');
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
    assert.deepEqual(await page.getByRole('listitem').allInnerTexts(), SCOPE.split(' '));
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

await check('back and forward after the login', () =>
  visit(authorizeUrl(), async (page) => {
    await logIn(page);
    await landed(page);
    await page.goBack();
    // Not the page as it was: nothing of it was kept.
    assert.equal(await page.getByLabel('Password').inputValue(), '');
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
  'state', 'nonce', 'prompt', 'login_hint', 'ui_locales', 'display', 'acr_values', 'claims_locales', 'id_token_hint', 'resource',
  'username', 'decision', 'unknown',
];
for (const value of [MARKUP, ...MORE]) {
  await check(`markup in what is carried along: ${value}`, () =>
    visit(authorizeUrl(Object.fromEntries(FREE.map((name) => [name, value]))), async (page, response) => {
      assert.equal(response.status(), 200);
      await isPlain(page);
      assert.equal(await page.locator('input[name=state]').inputValue(), value);
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

for (const name of ['scope', 'max_age', 'response_type', 'response_mode', 'code_challenge']) {
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

await check('the redirect URI tampered with on the page', () =>
  visit(authorizeUrl(), async (page) => {
    await page.locator('input[name=redirect_uri]').evaluate((input) => { input.value = 'https://evil.example/callback'; });
    await logIn(page);
    await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
    assert.ok(page.url().startsWith(issuer.origin));
  }));

await check('nobody frames it', () =>
  visit(`${theirs}/frame`, async (page) => {
    for (const url of [authorizeUrl(), authorizeUrl({ redirect_uri: 'https://evil.example/' })]) {
      const refused = page.waitForEvent('console', (message) => /frame-ancestors|X-Frame-Options|Framing/i.test(message.text()));
      await page.locator('#framed').evaluate((frame, src) => { frame.src = src; }, String(url));
      await refused;
      await page.waitForFunction(() => document.querySelector('#framed').contentDocument === null);
      const frame = page.frames().find((each) => each !== page.mainFrame());
      assert.ok(!frame.url().startsWith(issuer.origin), frame.url());
      assert.equal(await frame.getByLabel('Password').count(), 0);
    }
  }, { complaints: true }));

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

await context.close();
listener.close();
rmSync(profile, { recursive: true, force: true });
done();
