"""The FAPI example, driven by Authlib: assertions by keys and by the MAC of a secret, for the issuer and for the token endpoint,
which is its own default. It starts the example itself, since that has to know its keys.

    python drive_fapi_authlib.py target/release/examples/fapi
"""

import os
import sys
import tempfile
import time
import warnings
from urllib.parse import parse_qs, urljoin, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server is on the loopback address.

warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # RFC 9864 has another name for it.

import authlib
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from checks import Form, check, done, same
from fapi import ALICE, OLDER_SECRET, Server

OLDER, SIGNED = "older-client", "signed-client"
CALLBACK = "http://127.0.0.1:49342/callback"
SCOPE = "openid read"
KEYS = {
    "ES256": ECKey.generate_key("P-256", {"kid": "es"}),
    "RS256": RSAKey.generate_key(2048, {"kid": "rs"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "ps"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}


def session_of(client_id, secret, method):
    session = OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method=method.name,
        revocation_endpoint_auth_method=method.name,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
        default_timeout=30,
    )
    session.trust_env = False  # No proxy stands between this and the loopback address.
    session.register_client_auth_method(method)
    return session


def signed_request(key, algorithm, claims):
    header = {"alg": algorithm, "kid": key.kid, "typ": "oauth-authz-req+jwt"}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def log_in(session, key=None, algorithm=None):
    """Asks as the client does, by a signed request where it has to, and logs in; the tokens."""
    verifier = generate_token(48)
    endpoint = metadata["authorization_endpoint"]
    url, state = session.create_authorization_url(endpoint, code_verifier=verifier, scope=SCOPE, nonce=generate_token(20))
    if session.client_id == SIGNED:
        asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        now = int(time.time())
        claims = {**asked, "iss": SIGNED, "aud": server.issuer, "nbf": now, "exp": now + 60}
        url, _ = session.create_authorization_url(endpoint, state=state, request=signed_request(key, algorithm, claims))
    page = session.get(url, withhold_token=True, allow_redirects=False)
    same(page.status_code, 200)
    form = Form(page.text)
    session.cookies.clear()
    answer = session.post(urljoin(url, form.action), data={**form.fields, **ALICE, "decision": "allow"}, withhold_token=True, allow_redirects=False)
    same(answer.status_code, 303)
    location = answer.headers["location"]
    same(parse_qs(urlsplit(location).query)["iss"], [server.issuer])
    return dict(session.fetch_token(authorization_response=location, code_verifier=verifier, redirect_uri=CALLBACK, state=state))


def short_lived(method):
    """The same for five minutes, and for the issuer. One for each request: Authlib keeps the `jti` in the claims that it is given."""
    claims = {"exp": int(time.time()) + 240}
    return type(method)(server.issuer, claims, dict(method.headers or {}), method.alg)


def story(session, method, key=None, algorithm=None):
    tokens = log_in(session, key, algorithm)
    same(tokens["token_type"], "Bearer")
    same(session.get(f"{server.issuer}/resource").json(), {"sub": "alice", "client_id": session.client_id})
    tokens = dict(session.refresh_token(refresh_token=tokens["refresh_token"]))
    same(session.get(f"{server.issuer}/resource").json()["sub"], "alice")
    # An hour, which is Authlib's own, is too long there: nobody remembers which assertion was used.
    introspect = lambda: session.introspect_token(metadata["introspection_endpoint"], token=tokens["access_token"])
    same((introspect().status_code, introspect().json()["error"]), (401, "invalid_client"))
    session.register_client_auth_method(short_lived(method))
    same(introspect().json()["active"], True)
    session.register_client_auth_method(short_lived(method))
    same(session.revoke_token(metadata["revocation_endpoint"], token=tokens["refresh_token"]).status_code, 200)
    session.register_client_auth_method(method)
    refuses("invalid_grant", lambda: session.refresh_token(refresh_token=tokens["refresh_token"]))


def refuses(error, run):
    try:
        answer = run()
    except OAuthError as caught:
        same(caught.error, error)
        return
    raise AssertionError(f"not refused: {answer}")


def machine(session):
    return session.fetch_token(grant_type="client_credentials", scope="read")


def discover():
    response = OAuth2Session(default_timeout=30).get(f"{server.issuer}/.well-known/oauth-authorization-server", withhold_token=True)
    found = AuthorizationServerMetadata(response.json())
    same(found["issuer"], server.issuer)
    for member in ("validate_token_endpoint_auth_methods_supported", "validate_token_endpoint_auth_signing_alg_values_supported"):
        getattr(found, member)()
    return found


jwks = KeySet(list(KEYS.values())).as_dict(private=False)
with tempfile.TemporaryDirectory() as folder, Server(sys.argv[1], folder, {OLDER: jwks, SIGNED: jwks}) as server:
    metadata = check("discovery (RFC 8414)", discover)
    # Without an audience of its own Authlib says the token endpoint, which older-client may; signed-client may not.
    for title, audience in {"the issuer": server.issuer, "the token endpoint": metadata["token_endpoint"], "its default": None}.items():
        secret = ClientSecretJWT(audience)
        check(f"client_secret_jwt for {title}", lambda: story(session_of(OLDER, OLDER_SECRET, secret), secret))
        for algorithm, key in KEYS.items():
            method = PrivateKeyJWT(audience, headers={"kid": key.kid}, alg=algorithm)
            check(f"private_key_jwt for {title}, by {algorithm}", lambda: story(session_of(OLDER, key, method), method))
            if audience == server.issuer:
                session = session_of(SIGNED, key, method)
                check(f"a client that signs its requests, by {algorithm}", lambda: story(session, method, key, algorithm))
            else:
                refusal = lambda: refuses("invalid_client", lambda: machine(session_of(SIGNED, key, method)))
                check(f"a client without the switch, for {title}, by {algorithm}", refusal)
    wrong = ClientSecretJWT(server.issuer)
    check("another secret", lambda: refuses("invalid_client", lambda: machine(session_of(OLDER, OLDER_SECRET + "r", wrong))))
    stranger = PrivateKeyJWT(server.issuer, headers={"kid": "es"}, alg="ES256")
    own = ECKey.generate_key("P-256", {"kid": "es"})
    check("another key of the name", lambda: refuses("invalid_client", lambda: machine(session_of(SIGNED, own, stranger))))
    elsewhere = PrivateKeyJWT("https://elsewhere.example", headers={"kid": "es"}, alg="ES256")
    check("for another server", lambda: refuses("invalid_client", lambda: machine(session_of(OLDER, KEYS["ES256"], elsewhere))))

done(f"authlib {authlib.__version__} at the FAPI example")
