// Clients of the MCP example that are known by a document, by both SDKs; and what they keep while that document cannot be had.
//
//   node mcp_documents.mjs target/release/examples/mcp
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as newer from '@modelcontextprotocol/client';
import { auth, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { checks, freePort } from './checks.mjs';
import { ALICE, call, CALLBACK, connect, Person, Provider, whoIs } from './mcp.mjs';

const program = process.argv[2];
const { check, done } = checks('clients of the MCP example that are known by a document');
const ID = 'https://app.example/client.json';
// The server is the same one after a restart.
const ISSUER_PORT = await freePort();
let isDown = false;
const site = http.createServer((request, response) => {
  if (isDown) return response.writeHead(503).end();
  response.writeHead(200, { 'content-type': 'application/json' });
  return response.end(JSON.stringify({
    client_id: ID, client_name: 'A known app', redirect_uris: ['http://localhost/callback'],
    grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none',
  }));
});
await new Promise((resolve) => { site.listen(0, '127.0.0.1', resolve); });
const folder = mkdtempSync(join(tmpdir(), 'mcp-'));

async function start() {
  const child = spawn(program, [
    '--listen', `127.0.0.1:${ISSUER_PORT}`, '--throttle', 'off', '--store', `file:${join(folder, 'grants')}`, '--key-file', join(folder, 'keys.json'),
    '--client-document', `${ID}=http://127.0.0.1:${site.address().port}/client.json`,
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (more) => { errors += more; });
  const closed = new Promise((resolve) => { child.on('close', resolve); });
  let issuer;
  for await (const line of createInterface({ input: child.stdout })) {
    issuer ??= line.match(/ on (http:[^,]+),/)?.[1];
    if (line.startsWith('Ctrl-C stops it')) break;
  }
  if (!issuer) throw new Error(`the server does not say where it is: ${errors}`);
  child.stdout.resume();
  return { issuer, end: async () => { child.kill('SIGINT'); assert.equal(await closed, 0, errors); } };
}

const SDKS = [
  ['@modelcontextprotocol/sdk', {
    Client, Transport: StreamableHTTPClientTransport, auth, Unauthorized: UnauthorizedError,
    callback: (url) => [url.searchParams.get('code')],
  }],
  ['@modelcontextprotocol/client', {
    Client: newer.Client, Transport: newer.StreamableHTTPClientTransport, auth: newer.auth, Unauthorized: newer.UnauthorizedError,
    callback: (url) => [url.searchParams],
  }],
];
for (const [name, sdk] of SDKS) {
  let server = await start();
  const mcp = `${server.issuer}/mcp`;
  const provider = new Provider({}, { clientMetadataUrl: ID });
  await check(`${name}: a login without a registration`, async () => {
    await connect(sdk, mcp, provider, new Person(ALICE));
    assert.equal(provider.asked.searchParams.get('client_id'), ID);
    assert.equal(provider.asked.searchParams.get('redirect_uri'), CALLBACK);
    assert.deepEqual(whoIs(await call(sdk, mcp, provider, 'whoami')), { subject: 'alice', client: ID, resource: mcp });
  });
  await check(`${name}: what it has outlives a restart during which its document cannot be had`, async () => {
    await server.end();
    isDown = true;
    server = await start();
    const { client, kept } = provider;
    assert.equal(whoIs(await call(sdk, mcp, provider, 'whoami')).subject, 'alice');
    provider.kept = { ...kept, access_token: 'expired' };
    // The server says that it cannot answer now. Whatever the SDK makes of that, nothing is thrown away.
    await assert.rejects(call(sdk, mcp, provider, 'whoami'));
    assert.deepEqual([provider.client, provider.kept.refresh_token, provider.invalidated], [client, kept.refresh_token, []]);
    isDown = false;
    assert.equal(whoIs(await call(sdk, mcp, provider, 'whoami')).subject, 'alice');
    assert.notEqual(provider.kept.refresh_token, kept.refresh_token);
  });
  await server.end();
}
site.close();
rmSync(folder, { recursive: true, force: true });
done();
