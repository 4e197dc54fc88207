"""The bank's identity provider of the example server, driven by Authlib, which knows nothing of this crate. Signatures,
claims and thumbprints are for its JOSE library, joserfc, to judge.

    python drive_authlib.py http://127.0.0.1:8080
"""

import base64
import hashlib
import json
import os
import re
import sys
import time
from urllib.parse import parse_qs, urljoin, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server is on the loopback address.

import authlib
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidClaimError
from joserfc.jwk import KeySet, OctKey
from joserfc.jwt import JWTClaimsRegistry

from checks import MOBILE, PASSWORD, PORTAL, PORTAL_SECRET, SCOPE, USER, Form, check, done, same

ISSUER = sys.argv[1]

# Any port of the loopback address will do (RFC 8252 section 7.3).
CALLBACK = "http://127.0.0.1:49323/callback"
MEMBERS = ["access_token", "refresh_token", "scope", "id_token", "token_type", "expires_in"]
NAME = re.compile(r"[\w-]{43}", re.ASCII)

def refuses(error, run):
    try:
        answer = run()
    except (OAuthError, OAuth2Error) as caught:
        same(caught.error, error)
        return
    raise AssertionError(f"not refused: {answer}")


def half_hash(text):
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def header_of(token):
    part = token.split(".")[0]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


class Client:
    """A client of the bank."""

    def __init__(self, client_id, secret=None, method=None):
        self.client_id, self.secret, self.method = client_id, secret, method
        self.bodies = []

    def session(self, **settings):
        session = OAuth2Session(
            self.client_id,
            self.secret,
            token_endpoint_auth_method=self.method,
            revocation_endpoint_auth_method=self.method,
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint=metadata["token_endpoint"],
            default_timeout=30,
            **settings,
        )
        session.trust_env = False  # No proxy stands between this and the loopback address.
        for hook in ("access_token_response", "refresh_token_response"):
            session.register_compliance_hook(hook, self.keep)
        return session

    def keep(self, response):
        """Keeps the text of a token response, for the order of its members."""
        self.bodies.append(response.text)
        return response

    def log_in(self, session, **parameters):
        """Opens the login page, logs in, and answers where that redirects to, with what the client remembers."""
        verifier, nonce = generate_token(48), generate_token(20)
        parameters = {"scope": SCOPE, "nonce": nonce, "max_age": 60, **parameters}
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, **parameters
        )
        page = session.get(url, withhold_token=True, allow_redirects=False)
        same(page.status_code, 200)
        form = Form(page.text)
        fields = {**form.fields, "username": USER, "password": PASSWORD, "decision": "allow"}
        answer = session.post(urljoin(url, form.action), data=fields, withhold_token=True, allow_redirects=False)
        same(answer.status_code, 303)
        return {"verifier": verifier, "nonce": nonce, "state": state, "location": answer.headers["location"]}

    def fetch(self, session, asked, **changes):
        sent = {"code_verifier": asked["verifier"], "redirect_uri": CALLBACK, "state": asked["state"], **changes}
        return dict(session.fetch_token(authorization_response=asked["location"], **sent))

    def id_token(self, tokens, nonce=None):
        """The claims of an ID token, once they are in order."""
        key, algorithm = (OctKey.import_key(self.secret), "HS256") if self.secret else (keys, "RS256")
        token = jwt.decode(tokens["id_token"], key, algorithms=[algorithm])
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": ISSUER},
                "aud": {"essential": True, "value": self.client_id},
                "sub": {"essential": True, "value": USER},
                "auth_time": {"essential": True},
                "at_hash": {"essential": True},
            },
            params={
                "nonce": nonce,
                "client_id": self.client_id,
                "access_token": tokens["access_token"],
                "max_age": 60,
            },
        )
        claims.validate(now=int(time.time()), leeway=0)
        return claims


def access_token(token):
    """The claims of an access token, verified as a resource server would (RFC 9068 section 4)."""
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    same(decoded.header["typ"], "at+jwt")
    essential = {name: {"essential": True} for name in ("sub", "exp", "iat", "jti", "client_id")}
    registry = JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": ISSUER}, **essential
    )
    registry.validate(decoded.claims)
    return decoded.claims


def introspect(session, token, hint=None):
    response = session.introspect_token(metadata["introspection_endpoint"], token=token, token_type_hint=hint)
    same(response.status_code, 200)
    return response.json()


def revoke(session, token, hint=None):
    same(session.revoke_token(metadata["revocation_endpoint"], token=token, token_type_hint=hint).status_code, 200)


def resource(session, token):
    session.token = {"access_token": token, "token_type": "Bearer"}
    return session.get(f"{ISSUER}/oauth2/resource")


def is_over(session, tokens):
    refuses("invalid_grant", lambda: session.refresh_token(refresh_token=tokens["refresh_token"]))
    response = resource(session, tokens["access_token"])
    same(response.status_code, 401)
    assert 'error="invalid_token"' in response.headers["www-authenticate"], response.headers


def discover(path, document):
    response = OAuth2Session(default_timeout=30).get(f"{ISSUER}/.well-known/{path}", withhold_token=True)
    same(response.status_code, 200)
    same(response.headers["content-type"], "application/json")
    found = document(response.json())
    # The checks of RFC 8414 and OpenID Connect Discovery, but for those that want https.
    for name in document.REGISTRY_KEYS:
        of_address = name.endswith(("_endpoint", "_uri")) or name == "issuer"
        if not of_address:
            getattr(found, f"validate_{name}", lambda: None)()
    same(found["issuer"], ISSUER)
    return found


def flow(client):
    session = client.session()
    asked = client.log_in(session)
    same(parse_qs(urlsplit(asked["location"]).query)["iss"], [ISSUER])
    tokens = client.fetch(session, asked)
    return session, asked, tokens


def the_shape_of(body, client):
    body = json.loads(body, object_pairs_hook=list)
    same([name for name, _ in body], MEMBERS)
    body = dict(body)
    same(body["token_type"], "Bearer")
    same(body["scope"], SCOPE)
    assert body["expires_in"] == 86_400 and isinstance(body["expires_in"], int)
    assert NAME.fullmatch(body["refresh_token"]), body["refresh_token"]
    kid = keys.keys[0].kid
    same(header_of(body["access_token"]), json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": kid}, separators=(",", ":")))
    if client.secret:
        same(header_of(body["id_token"]), '{"alg":"HS256"}')
    else:
        same(json.loads(header_of(body["id_token"])), {"alg": "RS256", "typ": "JWT", "kid": kid})


def claims_of_access_token(client, tokens):
    claims = access_token(tokens["access_token"])
    same(claims["exp"] - claims["iat"], 86_400)
    assert NAME.fullmatch(claims["jti"]), claims["jti"]
    same((claims["sub"], claims["scope"], claims["client_id"]), (USER, SCOPE, client.client_id))
    same(set(claims), {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "realm"})
    same(claims["realm"], "bank")


def claims_of_id_token(client, asked, tokens):
    claims = client.id_token(tokens, asked["nonce"])
    same(claims["aud"], [client.client_id])
    same((claims["email"], claims["email_verified"], claims["custom:origin"]), ("teste@example.com", True, "admin"))
    same(claims["s_hash"], half_hash(asked["state"]))
    assert claims["auth_time"] <= claims["iat"]


def forged(client, asked, tokens):
    """What the checks above are worth: a nonce, an access token and a signature that are others do not pass."""
    for changed in ({**tokens, "access_token": tokens["access_token"] + "A"}, tokens):
        try:
            client.id_token(changed, asked["nonce"] if changed is not tokens else "another")
        except InvalidClaimError:
            continue
        raise AssertionError("a forged ID token passed")
    head, body, signature = tokens["access_token"].split(".")
    signature = ("B" if signature[0] == "A" else "A") + signature[1:]
    bad = ".".join([head, body, signature])
    try:
        access_token(bad)
    except BadSignatureError:
        same(resource(client.session(), bad).status_code, 401)
        return
    raise AssertionError("a forged access token passed")


def refreshes(client, session, tokens):
    first = client.id_token(tokens)
    time.sleep(1.1)
    for _ in range(2):
        next_tokens = dict(session.refresh_token(refresh_token=tokens["refresh_token"]))
        the_shape_of(client.bodies[-1], client)
        claims = client.id_token(next_tokens)
        for name in ("iss", "sub", "aud", "auth_time", "s_hash"):
            same(claims[name], first[name])
        assert "nonce" not in claims and claims["iat"] > first["iat"]
        assert next_tokens["refresh_token"] != tokens["refresh_token"]
        claims_of_access_token(client, next_tokens)
        tokens = next_tokens
    same(resource(session, tokens["access_token"]).json(), {"sub": USER, "scope": SCOPE})
    return tokens


def revokes(client):
    session, _, tokens = flow(client)
    revoke(session, tokens["access_token"], "access_token")
    same(resource(session, tokens["access_token"]).status_code, 401)
    tokens = dict(session.refresh_token(refresh_token=tokens["refresh_token"]))
    # The hint is wrong, and need not be right.
    revoke(session, tokens["refresh_token"], "access_token")
    is_over(session, tokens)


def introspects(client):
    session, _, tokens = flow(client)
    claims = access_token(tokens["access_token"])
    said = introspect(session, tokens["access_token"], "access_token")
    # The realm is for the engine alone.
    del claims["realm"]
    same({name: said[name] for name in claims}, claims)
    same((said["active"], said["token_type"]), (True, "Bearer"))
    same(introspect(session, tokens["refresh_token"], "refresh_token")["active"], True)
    revoke(session, tokens["refresh_token"])
    for token in (tokens["access_token"], tokens["refresh_token"], "made-up"):
        same(introspect(session, token), {"active": False})


def client_credentials(client):
    session = client.session()
    tokens = dict(session.fetch_token(grant_type="client_credentials", scope="apps webhooks"))
    same([name for name, _ in json.loads(client.bodies[-1], object_pairs_hook=list)], ["access_token", "scope", "token_type", "expires_in"])
    claims = access_token(tokens["access_token"])
    same((claims["sub"], claims["client_id"], claims["scope"]), (PORTAL, PORTAL, "apps webhooks"))
    same(resource(session, tokens["access_token"]).json(), {"sub": PORTAL, "scope": "apps webhooks"})


def used_twice(client):
    session, asked, tokens = flow(client)
    refuses("invalid_grant", lambda: client.fetch(session, asked))
    is_over(session, tokens)


def wrong_verifier(client):
    session = client.session()
    asked = client.log_in(session)
    refuses("invalid_grant", lambda: client.fetch(session, asked, code_verifier=generate_token(48)))
    client.fetch(session, asked)


def refreshes_by_itself(client):
    """A session whose access token has expired: Authlib refreshes it on the way to the resource."""
    kept = []
    session = client.session(update_token=lambda token, refresh_token=None, access_token=None: kept.append((token, refresh_token)))
    tokens = client.fetch(session, client.log_in(session))
    session.token = {**tokens, "expires_at": int(time.time()) - 1}
    same(session.get(f"{ISSUER}/oauth2/resource").json()["sub"], USER)
    same([old for _, old in kept], [tokens["refresh_token"]])
    assert kept[0][0]["refresh_token"] != tokens["refresh_token"]


metadata = check("discovery (RFC 8414)", lambda: discover("oauth-authorization-server", AuthorizationServerMetadata))
metadata = check("discovery (OpenID Connect)", lambda: discover("openid-configuration", OpenIDProviderMetadata)) or metadata
jwks = check("the JWKS", lambda: OAuth2Session(default_timeout=30).get(metadata["jwks_uri"], withhold_token=True).json())
keys = KeySet.import_key_set(jwks)


def thumbprint():
    (key,) = jwks["keys"]
    assert NAME.fullmatch(key["kid"])
    same(keys.keys[0].thumbprint(), key["kid"])
    # RFC 7638 section 3 by hand, too.
    text = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    same(base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(), key["kid"])
    same((key["alg"], key["use"], key["kty"]), ("RS256", "sig", "RSA"))
    same(len(base64.urlsafe_b64decode(key["n"] + "==")), 256)
    # Nothing of the private key.
    same(set(key), {"kty", "use", "alg", "kid", "n", "e"})


check("the kid is the thumbprint of the key (RFC 7638)", thumbprint)

for title, client in {
    "the portal, client_secret_basic": Client(PORTAL, PORTAL_SECRET, "client_secret_basic"),
    "the portal, client_secret_post": Client(PORTAL, PORTAL_SECRET, "client_secret_post"),
    "the public client": Client(MOBILE, None, "none"),
}.items():
    session, asked, tokens = check(f"{title}: the flow", lambda: flow(client)) or (None, None, None)
    if tokens:
        check(f"{title}: the members of the response and the headers of its tokens", lambda: the_shape_of(client.bodies[-1], client))
        check(f"{title}: the access token", lambda: claims_of_access_token(client, tokens))
        check(f"{title}: the ID token", lambda: claims_of_id_token(client, asked, tokens))
        check(f"{title}: what is forged", lambda: forged(client, asked, tokens))
        check(f"{title}: refreshes", lambda: refreshes(client, session, tokens))
    check(f"{title}: a session that refreshes by itself", lambda: refreshes_by_itself(client))
    check(f"{title}: revocation", lambda: revokes(client))
    check(f"{title}: a code used twice", lambda: used_twice(client))
    check(f"{title}: a wrong verifier", lambda: wrong_verifier(client))
    if client.secret:
        check(f"{title}: introspection", lambda: introspects(client))
        check(f"{title}: client credentials", lambda: client_credentials(client))
        wrong = Client(PORTAL, PORTAL_SECRET + "r", client.method)
        check(f"{title}: a wrong secret", lambda: refuses("invalid_client", lambda: client_credentials(wrong)))

done(f"authlib {authlib.__version__}")
