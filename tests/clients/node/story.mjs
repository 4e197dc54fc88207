// What every client does with a login, whatever its library calls it. A script gives the library's own calls:
//
//   logIn(scope, server)   → { access, refresh, scope }, the whole flow with PKCE; `server.twice` sends the code twice
//   refresh(token, scope)  → the same
//   revoke(token, kind)    kind is access_token or refresh_token
//   introspect(token)      → what it says; left out where the client may not
//   refusal(caught)        → { code, status } of the library's own error; throws for any other
import assert from 'node:assert/strict';

export const SCOPE = 'apps email openid profile webhooks';

/** That the server refuses, and the library says so by an error of its own. */
export async function refused(client, promise, code, status) {
  const caught = await promise.then((answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`), (error) => error);
  if (caught instanceof assert.AssertionError) throw caught;
  assert.deepEqual(client.refusal(caught), { code, status });
}

export async function story(check, name, client, issuer) {
  const resource = async ({ access }) => {
    const response = await fetch(new URL('/oauth2/resource', issuer), { headers: { authorization: `Bearer ${access}` } });
    return { status: response.status, ...(await response.json().catch(() => ({}))) };
  };
  const isOver = async (tokens) => {
    await refused(client, client.refresh(tokens.refresh), 'invalid_grant', 400);
    assert.equal((await resource(tokens)).status, 401);
  };

  let first;
  await check(`${name}: a login with PKCE`, async () => {
    first = await client.logIn(SCOPE);
    assert.equal(first.scope, SCOPE);
    assert.equal((await resource(first)).status, 200);
  });
  // Nothing below can hold without it.
  if (!first) return;
  await check(`${name}: a refresh, its retry, and a replay that ends the login`, async () => {
    const second = await client.refresh(first.refresh);
    assert.notEqual(second.refresh, first.refresh);
    assert.equal((await resource(second)).scope, SCOPE);
    // The response got lost.
    assert.equal((await client.refresh(first.refresh)).refresh, second.refresh);
    const third = await client.refresh(second.refresh);
    assert.notEqual(third.refresh, second.refresh);
    await refused(client, client.refresh(first.refresh), 'invalid_grant', 400);
    await isOver(third);
  });
  await check(`${name}: a scope may be narrowed, not widened (RFC 6749 section 6)`, async () => {
    const login = await client.logIn('openid email');
    const narrow = await client.refresh(login.refresh, 'email');
    assert.equal(narrow.scope, 'email');
    assert.equal((await resource(narrow)).scope, 'email');
    await refused(client, client.refresh(narrow.refresh, 'email apps'), 'invalid_scope', 400);
  });
  await check(`${name}: a code used twice ends the login`, async () => {
    let tokens;
    await refused(client, client.logIn(SCOPE, { twice: (found) => { tokens = found; } }), 'invalid_grant', 400);
    await isOver(tokens);
  });
  await check(`${name}: revocation of an access token, and of the login`, async () => {
    const login = await client.logIn(SCOPE);
    await client.revoke(login.access, 'access_token');
    assert.equal((await resource(login)).status, 401);
    const next = await client.refresh(login.refresh);
    assert.equal((await resource(next)).status, 200);
    await client.revoke(next.refresh, 'refresh_token');
    await isOver(next);
  });
  if (!client.introspect) return;
  await check(`${name}: introspection`, async () => {
    const login = await client.logIn(SCOPE);
    const said = await client.introspect(login.access);
    assert.equal(said.active, true);
    assert.equal(said.scope, SCOPE);
    await client.revoke(login.refresh, 'refresh_token');
    assert.deepEqual(await client.introspect(login.access), { active: false });
  });
}
