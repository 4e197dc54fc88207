"""The FAPI example, driven by requests_oauth2client: proofs of possession with nonces, pushed and signed requests, assertions. It
starts the example itself, since that has to know its keys.

    python drive_fapi_requests_oauth2client.py target/release/examples/fapi
"""

import sys
import tempfile
from importlib.metadata import version

import requests
from jwskate import Jwk
from requests_oauth2client import (
    ClientSecretJwt, InvalidClient, InvalidGrant, OAuth2Client, OAuth2Error, PrivateKeyJwt, PublicApp,
)
from requests_oauth2client.exceptions import AuthorizationResponseError

from checks import check, done, log_in, raises, same
from fapi import ALICE, OLDER_SECRET, Server

CALLBACK = "http://127.0.0.1:49344/callback"
ALGORITHMS = ["ES256", "PS256", "RS256", "EdDSA"]
KEYS = {alg: Jwk.generate(alg=alg, kid=alg) for alg in ALGORITHMS}


def discover(auth, **settings):
    session = requests.Session()
    session.trust_env = False  # No proxy stands between this and the loopback address.
    # `testing` is for an issuer without https alone.
    return OAuth2Client.from_discovery_endpoint(
        url=f"{server.issuer}/.well-known/openid-configuration",
        issuer=server.issuer,
        auth=auth,
        redirect_uri=CALLBACK,
        id_token_signed_response_alg="ES256",
        session=session,
        testing=True,
        **settings,
    )


def resource(tokens):
    """The token is how the library's HTTP client proves itself, with a new proof each time."""
    response = requests.get(f"{server.issuer}/resource", auth=tokens, timeout=30)
    return response.json() if response.status_code == 200 else response.status_code


def story(client, pushes=False, signing_key=None, token_type="Bearer", **asked):
    if signing_key:
        asked |= {"iss": client.client_id, "aud": server.issuer}
    # With a proof it drops the key again where there is an ID token (its `validate_id_token`), so none is asked for.
    request = client.authorization_request(scope="read" if token_type == "DPoP" else "openid read", **asked)
    sent = request
    if signing_key:
        sent = request.sign(signing_key, lifetime=60)
    if pushes:
        sent = client.pushed_authorization_request(sent)
    landed = request.validate_callback(log_in(sent.uri, **ALICE))
    tokens = client.authorization_code(landed)
    same(tokens.token_type, token_type)
    same(tokens.id_token and tokens.id_token.subject, None if token_type == "DPoP" else "alice")
    same(resource(tokens), {"sub": "alice", "client_id": client.client_id})
    following = client.refresh_token(tokens)
    same(following.token_type, token_type)
    same(resource(following), {"sub": "alice", "client_id": client.client_id})
    same(client.revoke_token(following.refresh_token, token_type_hint="refresh_token"), True)
    raises(InvalidGrant, lambda: client.refresh_token(following))
    same(resource(following), 401)
    return tokens


def not_pushed(client):
    request = client.authorization_request(scope="read", dpop=True)
    answer = requests.get(request.uri, allow_redirects=False, timeout=30)
    caught = raises(AuthorizationResponseError, lambda: request.validate_callback(answer.headers["location"]))
    same(caught.error, "invalid_request")


def stolen(client):
    """The tokens of one key, presented with another, and without any."""
    request = client.authorization_request(scope="read", dpop=True)
    tokens = client.authorization_code(request.validate_callback(log_in(request.uri, **ALICE)))
    bare = requests.get(f"{server.issuer}/resource", headers={"authorization": f"Bearer {tokens.access_token}"}, timeout=30)
    same(bare.status_code, 401)
    caught = raises(OAuth2Error, lambda: client.refresh_token(tokens.refresh_token))
    same(caught.error, "invalid_dpop_proof")
    other = client.authorization_request(scope="read", dpop=True).dpop_key
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    raises(InvalidGrant, lambda: client.token_request(form, dpop_key=other))
    same(client.refresh_token(tokens).token_type, "DPoP")


jwks = {"keys": [dict(key.public_jwk()) for key in KEYS.values()]}
sets = dict.fromkeys(["key-client", "signed-client", "older-client"], jwks)
with tempfile.TemporaryDirectory() as folder, Server(sys.argv[1], folder, sets) as server:
    for algorithm, key in KEYS.items():
        auth = PrivateKeyJwt("key-client", key, aud=server.issuer)
        proves = {"dpop_bound_access_tokens": True, "dpop_alg": algorithm}
        check(f"key-client, all by {algorithm}", lambda: story(discover(auth, **proves), pushes=True, token_type="DPoP"))
        machine = lambda: discover(auth, **proves).client_credentials(scope="read")
        check(f"key-client for itself, by {algorithm}", lambda: same(resource(machine()), {"sub": "key-client", "client_id": "key-client"}))
        auth = PrivateKeyJwt("signed-client", key, aud=server.issuer)
        check(f"signed-client, by {algorithm}", lambda: story(discover(auth), signing_key=key))
    auth = PrivateKeyJwt("key-client", KEYS["ES256"], aud=server.issuer)
    check("key-client without a proof", lambda: same(raises(OAuth2Error, lambda: discover(auth).client_credentials()).error, "invalid_dpop_proof"))
    check("key-client that does not push", lambda: not_pushed(discover(auth)))
    browser = discover(PublicApp("browser-client"))
    check("browser-client", lambda: story(browser))
    check("browser-client with a proof", lambda: story(browser, token_type="DPoP", dpop=True))
    check("browser-client with a proof, pushed", lambda: story(browser, pushes=True, token_type="DPoP", dpop=True))
    check("browser-client: what is stolen of it", lambda: stolen(browser))
    # Without an audience of its own the library says the endpoint that it calls.
    for title, settings in {"for the issuer": {"aud": server.issuer}, "for the token endpoint, its default": {}}.items():
        older = discover(ClientSecretJwt("older-client", OLDER_SECRET, **settings))
        served = {"sub": "older-client", "client_id": "older-client"}
        check(f"older-client by its secret, {title}", lambda: same(resource(older.client_credentials(scope="read")), served))
        pushed = lambda: older.pushed_authorization_request(older.authorization_request(scope="read")).request_uri
        check(f"older-client pushes, {title}", lambda: same(pushed().startswith("urn:ietf:params:oauth:request_uri:"), True))
    strict = discover(PrivateKeyJwt("signed-client", KEYS["ES256"]))
    check("a client without the switch", lambda: raises(InvalidClient, strict.client_credentials))

done(f"requests_oauth2client {version('requests_oauth2client')} at the FAPI example")
