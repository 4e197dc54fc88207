// What the clients of the FAPI example share: keys and certificates, the example with them, and somebody at its page.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, fetch as undiciFetch } from 'undici';
import { formOf } from './checks.mjs';

// Of examples/fapi.
export const ALICE = { username: 'alice', password: 'wonderland' };
export const OLDER_SECRET = 'older-secret-for-trying-out-only-please';
export const CALLBACK = 'http://127.0.0.1:49341/callback';

const folder = mkdtempSync(join(tmpdir(), 'fapi-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name) => join(folder, name);

/** Keys of a client, one for each algorithm, and their set. */
export async function keysOf(name, algorithms, generate) {
  const pairs = {};
  const keys = [];
  for (const alg of algorithms) {
    const { publicKey, privateKey } = await generate(alg, { extractable: true });
    const kid = `${name}-${alg}`;
    pairs[alg] = { key: privateKey, kid };
    keys.push({ ...(await crypto.subtle.exportKey('jwk', publicKey)), kid, alg, key_ops: undefined, use: 'sig' });
  }
  return { pairs, jwks: { keys } };
}

const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

/** A certificate, which `issuer` has issued, or nobody: its PEM, that of its key, and its JWK set (RFC 8705 section 2.2.2). */
export function certificate(name, commonName, { issuer, isAuthority, hosts } = {}) {
  const extensions = [
    isAuthority ? 'basicConstraints=critical,CA:TRUE' : 'basicConstraints=critical,CA:FALSE',
    ...(isAuthority ? [] : [`extendedKeyUsage=${hosts ? 'serverAuth' : 'clientAuth'}`]),
    ...(hosts ? [`subjectAltName=${hosts}`] : []),
  ];
  openssl(
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${commonName}`,
    '-keyout', `${name}.key.pem`, '-out', `${name}.pem`, ...extensions.flatMap((extension) => ['-addext', extension]),
    ...(issuer ? ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key.pem`] : []),
  );
  const [cert, key] = [`${name}.pem`, `${name}.key.pem`].map((file) => readFileSync(inFolder(file), 'utf8'));
  const x5c = [new X509Certificate(cert).raw.toString('base64')];
  return { cert, key, jwks: { keys: [{ ...createPublicKey(cert).export({ format: 'jwk' }), use: 'sig', x5c }] } };
}

/** Starts the example; `sets` are JWK sets by client. Over https where `tls` names the authority. */
export async function start(program, { sets = {}, options = [], tls } = {}) {
  const all = ['--listen', '127.0.0.1:0', '--throttle', 'off', ...options];
  for (const [client, set] of Object.entries(sets)) {
    writeFileSync(inFolder(`${client}.json`), JSON.stringify(set));
    all.push('--jwks', `${client}=${inFolder(`${client}.json`)}`);
  }
  if (tls) {
    certificate('server', 'localhost', { issuer: tls, hosts: 'IP:127.0.0.1' });
    all.push('--tls-cert', inFolder('server.pem'), '--tls-key', inFolder('server.key.pem'), '--client-ca', inFolder(`${tls}.pem`));
  }
  const child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.on('exit', () => child.kill());
  let errors = '';
  child.stderr.on('data', (more) => { errors += more; });
  const closed = new Promise((resolve) => { child.on('close', resolve); });
  let issuer;
  for await (const line of createInterface({ input: child.stdout })) {
    issuer ??= line.match(/ on (https?:[^,]+),/)?.[1];
    if (line.startsWith('Ctrl-C stops it')) break;
  }
  if (!issuer) throw new Error(`the server does not say where it is: ${errors}`);
  child.stdout.resume();
  const ca = tls && readFileSync(inFolder(`${tls}.pem`), 'utf8');
  return {
    issuer: new URL(issuer),
    resource: new URL('/resource', issuer),
    /** A `fetch` whose connections show this certificate. */
    door(shown = {}) {
      const dispatcher = new Agent({ connect: { ca, cert: shown.cert, key: shown.key } });
      return (url, init = {}) => undiciFetch(url, { ...init, dispatcher });
    },
    async end() {
      child.kill('SIGINT');
      assert.equal(await closed, 0, errors);
      assert.ok(!errors.includes('panicked at'), errors);
    },
  };
}

/** Opens the page of a request and decides; the answer, which is not followed. */
export async function decide(server, url, decision = 'allow') {
  const fetch = server.door();
  const page = await fetch(url, { redirect: 'manual' });
  const html = await page.text();
  assert.equal(page.status, 200, `${page.headers.get('location')} ${html}`);
  const { action, fields } = formOf(html);
  for (const [name, value] of Object.entries({ ...ALICE, decision })) fields.set(name, value);
  return fetch(new URL(action, url), { method: 'POST', body: fields, redirect: 'manual' });
}

/** Where an answer sends the browser. */
export function sentTo(response) {
  assert.equal(response.status, 303);
  const url = new URL(response.headers.get('location'));
  assert.equal(url.origin + url.pathname, CALLBACK);
  return url;
}

/** What an answer by a form has the browser post (Form Post Response Mode): the request that the client gets. */
export async function posted(response) {
  assert.equal(response.status, 200);
  const { action, fields } = formOf(await response.text());
  assert.equal(action, CALLBACK);
  return new Request(action, { method: 'POST', body: fields });
}
