// What the scripts that drive Chromium share: the browser, pages of an application, and a server that knows their origins.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { PASSWORD, USER } from './checks.mjs';

/** A browser with a profile of its own, and what ends it. */
export async function launch({ args = [], ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...args,
    ],
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(10_000);
  const end = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, version: context.browser()?.version() ?? '', end };
}

/** Serves files and pages by their path, at an origin of their own: any host, and a port that was free. */
export async function origin(pages, host = '127.0.0.1') {
  const listener = http.createServer((request, response) => {
    const page = pages[new URL(request.url, 'http://127.0.0.1').pathname];
    if (page === undefined) return response.writeHead(404).end();
    const type = page.startsWith('<') ? 'text/html' : 'text/javascript';
    return response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(page);
  });
  await new Promise((resolve) => { listener.listen(0, host, resolve); });
  return { origin: `http://${host}:${listener.address().port}`, end: () => listener.close() };
}

/** Starts the example server for pages of these origins, and with more options. */
export async function serve(server, origins, more = []) {
  const options = ['--listen', '127.0.0.1:0', '--throttle', 'off', ...origins.flatMap((each) => ['--cors-origin', each]), ...more];
  const child = spawn(server, options, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (more) => { errors += more; });
  const closed = new Promise((resolve) => { child.on('close', resolve); });
  const lines = createInterface({ input: child.stdout });
  let issuer;
  for await (const line of lines) {
    issuer ??= line.match(/ on (http:[^,]+),/)?.[1];
    if (line.startsWith('Ctrl-C stops it')) break;
  }
  if (!issuer) throw new Error(`the server does not say where it is: ${errors}`);
  child.stdout.resume();
  const end = async () => {
    child.kill('SIGINT');
    const code = await closed;
    if (code !== 0 || errors.includes('panicked at')) throw new Error(`the server's end: ${code}\n${errors}`);
  };
  return { issuer, end };
}

/** Somebody who reads, types and clicks, at the login page. */
export async function typeIn(page, { username = USER, password = PASSWORD, button = 'Log in' } = {}) {
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: button }).click();
}
