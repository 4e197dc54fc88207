// @node-oauth/oauth2-server with its defaults: a refresh revokes the token and gives another one (`alwaysIssueNewRefreshToken`). The model
// is that of its documentation, in a map.
import http from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';

const client = { id: 'app', grants: ['password', 'refresh_token'], redirectUris: [] };
const tokens = new Map();
let people = 0;
const model = {
  getClient: async (id, secret) => (id === 'app' && secret === 'a-secret-for-trying-out-only-here' ? client : false),
  getUser: async () => ({ id: (people += 1) }),
  getAccessToken: async () => false,
  getRefreshToken: async (refreshToken) => tokens.get(refreshToken),
  revokeToken: async (token) => tokens.delete(token.refreshToken),
  saveToken: async (token, ofClient, user) => {
    const saved = { ...token, client: ofClient, user };
    tokens.set(token.refreshToken, saved);
    return saved;
  },
};
const oauth = new OAuth2Server({ model });

http.createServer(async (incoming, outgoing) => {
  let body = '';
  for await (const part of incoming) body += part;
  const request = new OAuth2Server.Request({
    method: incoming.method,
    headers: incoming.headers,
    query: {},
    body: Object.fromEntries(new URLSearchParams(body)),
  });
  const response = new OAuth2Server.Response();
  await oauth.token(request, response).catch(() => {});
  outgoing.writeHead(response.status, { ...response.headers, 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(response.body));
}).listen(Number(process.argv[2]), '127.0.0.1');
