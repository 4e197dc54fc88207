// The MCP example, by the SDK of the protocol for TypeScript as most clients have it.
//
//   node mcp_sdk.mjs http://127.0.0.1:8090
import { auth, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { checks, versionOf } from './checks.mjs';
import { story } from './mcp.mjs';

const run = checks(`@modelcontextprotocol/sdk ${versionOf(import.meta.url, '@modelcontextprotocol/sdk')}`);
const sdk = {
  Client,
  Transport: StreamableHTTPClientTransport,
  auth,
  Unauthorized: UnauthorizedError,
  ClientCredentials: ClientCredentialsProvider,
  stepsUpAtOnce: false,
  callback: (url) => [url.searchParams.get('code')],
};
await story(sdk, run, new URL(process.argv[2]));
run.done();
