// The MCP example, by the newer client of the protocol for TypeScript.
//
//   node mcp_client.mjs http://127.0.0.1:8090
import { auth, Client, ClientCredentialsProvider, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { checks, versionOf } from './checks.mjs';
import { story } from './mcp.mjs';

const run = checks(`@modelcontextprotocol/client ${versionOf(import.meta.url, '@modelcontextprotocol/client')}`);
const sdk = {
  Client,
  Transport: StreamableHTTPClientTransport,
  auth,
  Unauthorized: UnauthorizedError,
  ClientCredentials: ClientCredentialsProvider,
  // It checks the issuer that comes with the code (RFC 9207).
  stepsUpAtOnce: true,
  callback: (url) => [url.searchParams],
};
await story(sdk, run, new URL(process.argv[2]));
run.done();
