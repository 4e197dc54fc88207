// What the clients in JavaScript share: who there is to log in, a list of checks, and an HTTP client at the login page.
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';

// Of examples/server/bank.rs and marketplace.rs.
export const PORTAL = 'developers.devportal';
export const PORTAL_SECRET = 'devportal-secret-for-trying-out-only';
export const MOBILE = 'mobile-app';
export const TELEVISION = 'living-room-tv';
export const ENCODED = 'nightly reports/1@bank.example';
export const ENCODED_SECRET = String.raw`for trying out only: a/b?c=d&e #f "g" 'h' <i> ~j! $k* (l);m,n@o[p]{q}|r\s^t` + '`u';
export const USER = '00506493296';
export const PASSWORD = 'senha123';
export const OTHER = 'marketplace-app';
export const OTHER_SECRET = 'marketplace-secret-for-trying-out-only';
/** An API of the bank's, which exchanges tokens. */
export const API = 'accounts-api';
export const API_SECRET = 'accounts-api-secret-for-trying-out-only';

/** Checks one after the other, each by a name; `done` prints the summary and sets the exit code. */
export function checks(title) {
  const failed = [];
  let passed = 0;
  return {
    async check(name, run) {
      try {
        await run();
        passed += 1;
        if (process.env.VERBOSE) console.error(`ok: ${name}`);
      } catch (error) {
        failed.push(name);
        console.error(`FAILED: ${name}\n`, error);
      }
    },
    done() {
      console.log(`${title}: ${passed} checks passed, ${failed.length} failed`);
      process.exitCode = passed === 0 || failed.length > 0 ? 1 : 0;
    },
  };
}

/** The version of a package that is pinned beside a script. */
export const versionOf = (script, name) => JSON.parse(readFileSync(new URL('package.json', script))).dependencies[name];

/** A port that is free now, for who has to know it before anybody listens there. Systems give none below 32768 to who asks for any. */
export async function freePort() {
  for (;;) {
    const port = randomInt(20000, 32000);
    const listener = net.createServer();
    const isFree = await new Promise((resolve) => {
      listener.on('error', () => resolve(false));
      listener.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) {
      await new Promise((resolve) => { listener.close(resolve); });
      return port;
    }
  }
}

/** The half hash of `at_hash` and `s_hash` beside a signature with SHA-256. */
export const halfHash = (text) => createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url');

/** A part of a JWT, read without a look at the signature. */
export const jwtPart = (token, index) => JSON.parse(Buffer.from(token.split('.')[index], 'base64url'));

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const unescapeHtml = (text) => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ENTITIES[name]);

/** The fields of the form on a page, by name. */
export function formOf(html) {
  const fields = new URLSearchParams();
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const attribute = (name) => tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
    fields.append(unescapeHtml(attribute('name')), unescapeHtml(attribute('value') ?? ''));
  }
  const action = html.match(/<form\b[^>]*\saction="([^"]*)"/)?.[1];
  return { action: action && unescapeHtml(action), fields };
}

/** Opens the login page, fills in its form, and sends it. Answers the response, whose redirect is not followed. */
export async function logIn(url, { username = USER, password = PASSWORD, decision = 'allow' } = {}) {
  const page = await fetch(url, { redirect: 'manual' });
  const html = await page.text();
  if (page.status !== 200) throw new Error(`no login page: ${page.status} ${page.headers.get('location')} ${html}`);
  const { action, fields } = formOf(html);
  fields.set('username', username);
  fields.set('password', password);
  fields.set('decision', decision);
  return fetch(new URL(action, url), { method: 'POST', body: fields, redirect: 'manual' });
}

/** Where a response redirects to. */
export function target(response) {
  assert.equal(response.status, 303);
  return new URL(response.headers.get('location'));
}
