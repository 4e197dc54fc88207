// The conformance suite of the Model Context Protocol for authorization servers, against the MCP example. It prints the address
// of the authorization page and waits for its callback: somebody logs in there.
//
//   node mcp_conformance.mjs http://127.0.0.1:8090
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checks, freePort, versionOf } from './checks.mjs';
import { ALICE, Person } from './mcp.mjs';

const issuer = new URL(process.argv[2]);
const { check, done } = checks(`@modelcontextprotocol/conformance ${versionOf(import.meta.url, '@modelcontextprotocol/conformance')}`);
const SUITE = new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;
const OLD_NODE = new URL('mcp_old_node.mjs', import.meta.url).href;

const register = async (metadata) => {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(new URL('/register', issuer), { method: 'POST', headers, body: JSON.stringify(metadata) })).json();
};

/** Runs the suite; what it found, by the ids of its checks. */
async function run(client, port, version) {
  const results = mkdtempSync(join(tmpdir(), 'conformance-'));
  const options = [
    '--url', issuer.origin, '--client-id', client.client_id, '--resource', new URL('/mcp', issuer).href, '--port', port,
    '--spec-version', version, '--output-dir', results,
  ];
  const child = spawn(process.execPath, ['--import', OLD_NODE, SUITE, 'authorization', ...options.map(String)]);
  let told = '';
  const person = new Person(ALICE);
  let answered;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (more) => {
      told += more;
      const page = told.match(/^(http\S*\/authorize\?\S+)\n/m)?.[1];
      // It names the page before it listens.
      const listens = /^Callback server started/m.test(told);
      if (!page || !listens || answered) return;
      answered = person.decide(page).then(({ sentTo }) => fetch(sentTo)).catch((error) => {
        told += error.stack;
        child.kill();
      });
    });
  }
  const code = await new Promise((resolve) => { child.on('close', resolve); });
  await answered;
  assert.equal(code, 0, told);
  const found = readdirSync(results, { recursive: true }).filter((name) => name.endsWith('checks.json'));
  return found.flatMap((name) => JSON.parse(readFileSync(join(results, name), 'utf8')));
}

// A public client alone: the suite sends no secret to a server that has public clients too, whatever it was told.
for (const version of ['2025-11-25', '2026-07-28']) {
  await check(version, async () => {
    const port = await freePort();
    const client = await register({ redirect_uris: [`http://127.0.0.1:${port}/callback`], token_endpoint_auth_method: 'none' });
    const found = await run(client, port, version);
    assert.ok(found.length > 1, JSON.stringify(found));
    for (const { id, status, errorMessage } of found) assert.equal(status, 'SUCCESS', `${id}: ${errorMessage}`);
    assert.ok(found.some(({ id }) => id === 'authorization-code-grant'));
  });
}
done();
