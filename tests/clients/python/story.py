"""What every client does with a login, whatever its library calls it. A script gives the library's own calls:

    log_in(scope)          a function that redeems the code, and answers (access, refresh, scope)
    refresh(token, scope)  → (access, refresh, scope)
    revoke(token, kind)    kind is access_token or refresh_token
    introspect(token)      → what it says; None where the client may not, or the library cannot
    refuses(code, run)     that the library reports the code by an error of its own
"""

import requests

from checks import SCOPE, check, same


def resource(issuer, access):
    headers = {"authorization": f"Bearer {access}"}
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{issuer}/oauth2/resource", headers=headers, timeout=30)


def story(name, client, issuer):
    def is_over(access, refresh):
        client.refuses("invalid_grant", lambda: client.refresh(refresh))
        same(resource(issuer, access).status_code, 401)

    def logs_in():
        access, refresh, scope = client.log_in(SCOPE)()
        same((scope, resource(issuer, access).json()["scope"]), (SCOPE, SCOPE))
        return refresh

    def replays(first):
        _, second, _ = client.refresh(first)
        assert second != first
        # The response got lost.
        same(client.refresh(first)[1], second)
        access, third, _ = client.refresh(second)
        assert third != second
        client.refuses("invalid_grant", lambda: client.refresh(first))
        is_over(access, third)

    def narrows():
        _, refresh, _ = client.log_in("openid email")()
        access, refresh, scope = client.refresh(refresh, "email")
        same((scope, resource(issuer, access).json()["scope"]), ("email", "email"))
        client.refuses("invalid_scope", lambda: client.refresh(refresh, "email apps"))

    def used_twice():
        redeem = client.log_in(SCOPE)
        access, refresh, _ = redeem()
        client.refuses("invalid_grant", redeem)
        is_over(access, refresh)

    def revokes():
        access, refresh, _ = client.log_in(SCOPE)()
        client.revoke(access, "access_token")
        same(resource(issuer, access).status_code, 401)
        access, refresh, _ = client.refresh(refresh)
        same(resource(issuer, access).status_code, 200)
        client.revoke(refresh, "refresh_token")
        is_over(access, refresh)

    def introspects():
        access, refresh, _ = client.log_in(SCOPE)()
        said = client.introspect(access)
        same((said["active"], said["scope"]), (True, SCOPE))
        client.revoke(refresh, "refresh_token")
        same(client.introspect(access), {"active": False})

    first = check(f"{name}: a login with PKCE", logs_in)
    # Nothing below can hold without it.
    if not first:
        return
    check(f"{name}: a refresh, its retry, and a replay that ends the login", lambda: replays(first))
    check(f"{name}: a scope may be narrowed, not widened (RFC 6749 section 6)", narrows)
    check(f"{name}: a code used twice ends the login", used_twice)
    check(f"{name}: revocation of an access token, and of the login", revokes)
    if client.introspect:
        check(f"{name}: introspection", introspects)
