// What the clients of the MCP example share: somebody at a browser that keeps its cookies, and what an application keeps of an
// authorization. Whatever the SDK, a script gives its parts: Client, Transport, auth, Unauthorized, ClientCredentials, and
// `callback(url)`, which makes of a redirect what `finishAuth` takes.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { formOf, jwtPart } from './checks.mjs';

// Of examples/mcp.
export const ALICE = { username: 'alice', password: 'wonderland' };
export const BOB = { username: 'bob', password: 'builder' };
export const MACHINE = 'machine';
export const MACHINE_SECRET = 'machine-secret-for-trying-out-only-please';
export const CALLBACK = 'http://localhost:58135/callback';

/** A browser without scripts: it keeps its cookies and says where it comes from. */
export class Person {
  #cookies = new Map();

  constructor(who) { this.who = who; }

  async #fetch(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, ...(cookie && { cookie }) } });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = set.match(/^([^=]+)=([^;]*)/);
      this.#cookies.set(name, value);
    }
    return response;
  }

  /** Opens a page; its form, and whether it asks for a password. */
  async open(url) {
    const response = await this.#fetch(url);
    const html = await response.text();
    return { response, html, asksForPassword: html.includes('type="password"'), ...formOf(html) };
  }

  /** Sends a form as its page would. */
  async send(url, fields) {
    const origin = new URL(url).origin;
    return this.#fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers: { origin, 'sec-fetch-site': 'same-origin' } });
  }

  /** Answers an authorization page; where the browser is sent. */
  async decide(url, decision = 'allow') {
    const page = await this.open(url);
    assert.equal(page.response.status, 200, page.html);
    if (page.asksForPassword) for (const [name, value] of Object.entries(this.who)) page.fields.set(name, value);
    page.fields.set('decision', decision);
    const response = await this.send(new URL(page.action, url), page.fields);
    assert.equal(response.status, 303, await response.text());
    return { sentTo: new URL(response.headers.get('location')), askedForPassword: page.asksForPassword };
  }
}

/** What an application keeps. */
export class Provider {
  constructor(metadata = {}, rest = {}) {
    this.metadata = {
      client_name: 'Somebody\u2019s editor',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    };
    this.invalidated = [];
    Object.assign(this, rest);
  }

  get redirectUrl() { return CALLBACK; }
  get clientMetadata() { return this.metadata; }
  state() { return randomBytes(16).toString('hex'); }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.kept; }
  saveTokens(tokens) { this.kept = tokens; }
  redirectToAuthorization(url) { this.asked = url; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
  saveDiscoveryState(state) { this.discovered = state; }
  discoveryState() { return this.discovered; }
  invalidateCredentials(what) {
    this.invalidated.push(what);
    if (what === 'all' || what === 'client') this.client = undefined;
    if (what === 'all' || what === 'tokens') this.kept = undefined;
    if (what === 'all' || what === 'discovery') this.discovered = undefined;
  }
}

/** Calls a tool, on a connection of its own; the text of what it says. */
export async function call(sdk, url, provider, tool) {
  const client = new sdk.Client({ name: 'a client', version: '1.0.0' });
  const transport = new sdk.Transport(new URL(url), { authProvider: provider });
  try {
    await client.connect(transport);
    const { content, isError } = await client.callTool({ name: tool, arguments: {} });
    assert.ok(!isError, JSON.stringify(content));
    return content[0].text;
  } finally {
    await client.close();
  }
}

/** Connects, and goes where the provider is sent until a person has allowed it. */
export async function connect(sdk, url, provider, person, tool = 'whoami') {
  let transport;
  const client = () => new sdk.Client({ name: 'a client', version: '1.0.0' });
  const attempt = client();
  transport = new sdk.Transport(new URL(url), { authProvider: provider });
  await assert.rejects(async () => {
    await attempt.connect(transport);
    await attempt.callTool({ name: tool, arguments: {} });
  }, sdk.Unauthorized);
  const decided = await person.decide(provider.asked);
  assert.equal(decided.sentTo.origin + decided.sentTo.pathname, CALLBACK);
  assert.equal(decided.sentTo.searchParams.get('state'), provider.asked.searchParams.get('state'));
  await transport.finishAuth(...sdk.callback(decided.sentTo));
  await attempt.close();
  return decided;
}

export const whoIs = (text) => Object.fromEntries(text.split('\n').map((line) => line.split(': ')));

const audience = (tokens) => jwtPart(tokens.access_token, 1).aud;
const scopes = (url) => url.searchParams.get('scope').split(' ').sort();

/** What holds for every SDK. */
export async function story(sdk, { check }, issuer) {
  const [mcp, files] = ['mcp', 'files'].map((name) => new URL(`/${name}`, issuer).href);
  const alice = new Person(ALICE);
  const provider = new Provider();

  await check('a client that nobody knows registers, logs in, and calls a tool', async () => {
    const { askedForPassword } = await connect(sdk, mcp, provider, alice);
    assert.ok(askedForPassword);
    assert.equal(provider.asked.searchParams.get('resource'), mcp);
    assert.ok(scopes(provider.asked).includes('mcp:read') && !scopes(provider.asked).includes('mcp:admin'), provider.asked);
    assert.ok(provider.client.client_id.length < 255);
    assert.deepEqual(whoIs(await call(sdk, mcp, provider, 'whoami')), {
      subject: 'alice', client: provider.client.client_id, resource: mcp,
    });
    assert.equal(audience(provider.kept), mcp);
  });
  if (!provider.kept) return;

  await check('a token of one resource is none of the other, which the browser that is logged in allows by a click', async () => {
    const there = new Provider({}, { client: provider.client, kept: { ...provider.kept, refresh_token: undefined } });
    const { askedForPassword } = await connect(sdk, files, there, alice);
    assert.ok(!askedForPassword);
    assert.equal(whoIs(await call(sdk, files, there, 'whoami')).resource, files);
    assert.equal(audience(there.kept), files);
  });

  await check('a token that has died is refreshed on the way', async () => {
    const before = provider.kept;
    provider.kept = { ...before, access_token: `${before.access_token.slice(0, -4)}AAAA` };
    assert.equal(whoIs(await call(sdk, mcp, provider, 'whoami')).subject, 'alice');
    assert.notEqual(provider.kept.refresh_token, before.refresh_token);
    assert.equal(audience(provider.kept), mcp);
  });

  await check('twenty calls that refresh at once come to one successor, and stay logged in', async () => {
    const before = provider.kept;
    const calls = Array.from({ length: 20 }, async () => {
      const own = new Provider({}, { client: provider.client, kept: before });
      assert.equal(await sdk.auth(own, { serverUrl: mcp }), 'AUTHORIZED');
      return own.kept;
    });
    const kept = await Promise.all(calls);
    assert.equal(new Set(kept.map((tokens) => tokens.refresh_token)).size, 1);
    assert.notEqual(kept[0].refresh_token, before.refresh_token);
    provider.kept = kept[0];
    assert.equal(await sdk.auth(provider, { serverUrl: mcp }), 'AUTHORIZED');
    assert.equal(whoIs(await call(sdk, mcp, provider, 'whoami')).subject, 'alice');
  });

  await check('step-up: a call that needs more asks the person for it, and the token is good for the rest as well', async () => {
    // The older SDK refreshes first where it can, and gives up when that brings nothing more.
    const once = new Provider(sdk.stepsUpAtOnce ? {} : { grant_types: ['authorization_code'] });
    await connect(sdk, mcp, once, alice);
    assert.equal(once.kept.refresh_token !== undefined, sdk.stepsUpAtOnce);
    const { askedForPassword } = await connect(sdk, mcp, once, alice, 'admin');
    assert.ok(!askedForPassword);
    assert.ok(scopes(once.asked).includes('mcp:admin'), once.asked);
    assert.equal(await call(sdk, mcp, once, 'admin'), `administered ${mcp}`);
    assert.equal(whoIs(await call(sdk, mcp, once, 'whoami')).subject, 'alice');
  });

  await check('a client that was registered before, with a secret', async () => {
    const response = await fetch(new URL('/register', issuer), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'A site', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'] }),
    });
    const { client_id, client_secret } = await response.json();
    const own = new Provider({}, { client: { client_id, client_secret, issuer: issuer.origin }, saveClientInformation: undefined });
    const bob = new Person(BOB);
    await connect(sdk, mcp, own, bob);
    assert.deepEqual(whoIs(await call(sdk, mcp, own, 'whoami')), { subject: 'bob', client: client_id, resource: mcp });
    assert.equal(await sdk.auth(own, { serverUrl: mcp }), 'AUTHORIZED');
  });

  await check('a person who says no', async () => {
    const own = new Provider({}, { client: provider.client });
    assert.equal(await sdk.auth(own, { serverUrl: mcp, scope: 'mcp:read' }), 'REDIRECT');
    const { sentTo } = await alice.decide(own.asked, 'deny');
    assert.equal(sentTo.searchParams.get('error'), 'access_denied');
    assert.equal(sentTo.searchParams.get('code'), null);
  });

  await check('a program that acts for itself, at both resources', async () => {
    for (const resource of [mcp, files]) {
      const machine = new sdk.ClientCredentials({ clientId: MACHINE, clientSecret: MACHINE_SECRET, expectedIssuer: issuer.origin });
      assert.deepEqual(whoIs(await call(sdk, resource, machine, 'whoami')), { subject: MACHINE, client: MACHINE, resource });
    }
  });

  await check('what is ended at the account page is over, and the client sends the person to log in', async () => {
    const url = new URL('/account', issuer);
    const page = await alice.open(url);
    assert.ok(page.html.includes('Somebody\u2019s editor') && page.html.includes('localhost'), page.html);
    const csrf = page.fields.get('csrf');
    const response = await alice.send(new URL('/account/end-all', issuer), { csrf });
    assert.equal(response.status, 303);
    assert.ok((await alice.open(url)).html.includes('Nothing is connected'));
    const { client } = provider;
    await assert.rejects(call(sdk, mcp, provider, 'whoami'), sdk.Unauthorized);
    assert.deepEqual([provider.kept, provider.client], [undefined, client], 'its tokens are gone, what it is known by is not');
    await alice.decide(provider.asked);
  });
}
