// oidc-provider with its defaults: a public client's refresh tokens rotate, a confidential one's do when 70 % of their life has passed
// (`rotateRefreshToken`). The adapter keeps everything, since the one that comes with it keeps a thousand entries and is for trying out.
// What belongs to a grant is found by an index, as in that one. A third argument `rotate` lets every token rotate, and leaves
// out ID tokens, which are signed. A login is made at POST /login, where the interaction of a browser would end.
import http from 'node:http';
import Provider from 'oidc-provider';

const kept = new Map();
const byGrant = new Map();
class Adapter {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload) {
    kept.set(this.key(id), payload);
    if (!payload.grantId) return;
    const keys = byGrant.get(payload.grantId);
    if (keys) keys.push(this.key(id));
    else byGrant.set(payload.grantId, [this.key(id)]);
  }
  async find(id) { return kept.get(this.key(id)); }
  async findByUid(uid) { return [...kept.values()].find((payload) => payload.uid === uid); }
  async findByUserCode() { return undefined; }
  async consume(id) { kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { kept.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) kept.delete(key);
    byGrant.delete(grantId);
  }
}

const [port, auth, rotate] = process.argv.slice(2);
const client = {
  client_id: 'app',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['https://app.example/cb'],
  token_endpoint_auth_method: auth,
  ...(auth === 'none' ? {} : { client_secret: 'a-secret-for-trying-out-only-here' }),
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Adapter,
  clients: [client],
  cookies: { keys: ['for trying out only'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  scopes: ['openid', 'offline_access'],
  ...(rotate === 'rotate' ? { rotateRefreshToken: true } : {}),
});
const scope = rotate === 'rotate' ? 'offline_access' : 'openid offline_access';
const serve = provider.callback();
let people = 0;

async function login() {
  const accountId = `user-${(people += 1)}`;
  const grant = new provider.Grant({ accountId, clientId: 'app' });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client: await provider.Client.find('app'),
    grantId,
    gty: 'authorization_code',
    scope,
  });
  return { access_token: 'none', refresh_token: await token.save() };
}

http.createServer(async (request, response) => {
  if (request.url !== '/login') return serve(request, response);
  request.resume();
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify(await login()));
}).listen(Number(port), '127.0.0.1');
