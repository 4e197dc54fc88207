"""The bank's identity provider of the example server, driven by requests_oauth2client, which validates ID tokens itself.

    python drive_requests_oauth2client.py http://127.0.0.1:8080
"""

import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import requests
from requests_oauth2client import (
    BearerToken,
    ClientSecretBasic,
    ClientSecretPost,
    InvalidClient,
    InvalidGrant,
    InvalidParam,
    InvalidScope,
    MismatchingIdTokenNonce,
    MismatchingIssuer,
    MismatchingState,
    OAuth2AccessTokenAuth,
    OAuth2Client,
    PublicApp,
    UnauthorizedClient,
)
from requests_oauth2client.exceptions import AuthorizationResponseError, LoginRequired

from checks import (
    ENCODED, ENCODED_SECRET, MOBILE, PORTAL, PORTAL_SECRET, SCOPE, USER, check, done, log_in, raises, same,
)
from story import story

ISSUER = sys.argv[1]
CALLBACK = "http://127.0.0.1:49334/callback"
KINDS = {"invalid_grant": InvalidGrant, "invalid_scope": InvalidScope}


def discover(auth, algorithm="RS256", issuer=ISSUER):
    session = requests.Session()
    session.trust_env = False  # No proxy stands between this and the loopback address.
    # `testing` is for an issuer without https alone.
    return OAuth2Client.from_discovery_endpoint(
        url=f"{ISSUER}/.well-known/openid-configuration",
        issuer=issuer,
        auth=auth,
        redirect_uri=CALLBACK,
        id_token_signed_response_alg=algorithm,
        session=session,
        testing=True,
    )


class Driven:
    def __init__(self, client):
        self.client = client
        public = isinstance(client.auth, PublicApp)
        self.introspect = None if public else client.introspect_token

    def log_in(self, scope):
        asked = self.client.authorization_request(scope=scope, max_age=60)
        landed = asked.validate_callback(log_in(asked.uri))

        def redeem():
            tokens = self.client.authorization_code(landed)
            same((tokens.id_token.issuer, tokens.id_token.subject), (ISSUER, USER))
            assert not tokens.is_expired() and tokens.is_expired(86_401)
            return tokens.access_token, tokens.refresh_token, tokens.scope

        return redeem

    def refresh(self, token, scope=None):
        tokens = self.client.refresh_token(token, **({"scope": scope} if scope else {}))
        return tokens.access_token, tokens.refresh_token, tokens.scope

    def revoke(self, token, kind):
        same(self.client.revoke_token(token, token_type_hint=kind), True)

    def refuses(self, code, run):
        caught = raises(KINDS[code], run)
        same((caught.error, caught.response.status_code), (code, 400))


def client_credentials(client):
    tokens = client.client_credentials(scope=["apps", "webhooks"])
    same((tokens.scope, tokens.refresh_token), ("apps webhooks", None))
    # The token is how the library's HTTP client proves itself.
    same(requests.get(f"{ISSUER}/oauth2/resource", auth=tokens, timeout=30).json()["sub"], client.client_id)


def wrong_secret(auth):
    caught = raises(InvalidClient, lambda: discover(auth).client_credentials())
    same(caught.response.status_code, 401)


CLIENTS = {
    "portal": discover(ClientSecretBasic(PORTAL, PORTAL_SECRET), "HS256"),
    # This library sends Basic without encoding.
    "encoded, Basic without encoding": discover(ClientSecretBasic(ENCODED, ENCODED_SECRET)),
    "encoded, post": discover(ClientSecretPost(ENCODED, ENCODED_SECRET)),
    "mobile": discover(PublicApp(MOBILE)),
}
for name, client in CLIENTS.items():
    story(name, Driven(client), ISSUER)
    if not isinstance(client.auth, PublicApp):
        check(f"{name}: client credentials", lambda: client_credentials(client))
        wrong = type(client.auth)(client.client_id, client.client_secret + "!")
        check(f"{name}: a wrong secret", lambda: wrong_secret(wrong))

mobile = CLIENTS["mobile"]


def discovery():
    same(mobile.issuer, ISSUER)
    same(mobile.authorization_response_iss_parameter_supported, True)
    same([key.alg for key in mobile.authorization_server_jwks.jwks], ["RS256"])
    raises(InvalidParam, lambda: discover(PublicApp(MOBILE), issuer="http://other.example"))


def what_the_client_finds():
    """That the library's own checks of the redirect and the ID token are made."""
    asked = mobile.authorization_request(scope=SCOPE)
    landed = log_in(asked.uri)
    raises(MismatchingState, lambda: asked.validate_callback(landed.replace(asked.state, "another")))
    raises(MismatchingIssuer, lambda: asked.validate_callback(landed.replace("iss=http", "iss=https")))
    other = mobile.authorization_request(scope=SCOPE, state=asked.state, code_verifier=asked.code_verifier)
    raises(MismatchingIdTokenNonce, lambda: mobile.authorization_code(other.validate_callback(landed)))


def redirected_errors():
    asked = mobile.authorization_request(scope=SCOPE)
    landed = log_in(asked.uri, decision="deny")
    same(raises(AuthorizationResponseError, lambda: asked.validate_callback(landed)).error, "access_denied")
    silent = mobile.authorization_request(scope=SCOPE, prompt="none")
    landed = requests.get(silent.uri, allow_redirects=False, timeout=30).headers["location"]
    raises(LoginRequired, lambda: silent.validate_callback(landed))


def renews_by_itself():
    access, refresh, _ = Driven(mobile).log_in(SCOPE)()
    over = datetime.now(tz=timezone.utc) - timedelta(seconds=1)
    auth = OAuth2AccessTokenAuth(mobile, BearerToken(access, refresh_token=refresh, expires_at=over))
    same(requests.get(f"{ISSUER}/oauth2/resource", auth=auth, timeout=30).json()["sub"], USER)
    assert auth.token.refresh_token != refresh


check("discovery", discovery)
check("the client finds another state, issuer and nonce", what_the_client_finds)
check("the person cancels, and prompt=none", redirected_errors)
check("a session that renews its token by itself", renews_by_itself)
check("a public client has no client credentials", lambda: raises(UnauthorizedClient, mobile.client_credentials))
done(f"requests_oauth2client {version('requests_oauth2client')}")
