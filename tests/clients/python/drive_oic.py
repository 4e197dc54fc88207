"""The bank's identity provider of the example server, driven by pyoidc (the package `oic`). It reports what the server refuses
as a message of the kind `TokenErrorResponse`, and what is wrong with an ID token as an exception.

    python drive_oic.py http://127.0.0.1:8080
"""

import logging
import os
import sys
import types
from importlib.metadata import version

os.environ["NO_PROXY"] = "127.0.0.1"  # No proxy stands between this and the loopback address.

import requests
from jwkest import BadSignature
from oic import rndstr
from oic.exception import ParameterError, PyoidcError
from oic.extension.client import Client as ExtensionClient
from oic.oauth2.message import CCAccessTokenRequest, ErrorResponse, TokenErrorResponse
from oic.oic import Client
from oic.oic.message import AccessTokenResponse, AuthorizationErrorResponse, AuthorizationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD

from checks import ENCODED, ENCODED_SECRET, MOBILE, PORTAL, PORTAL_SECRET, SCOPE, USER, check, done, log_in, raises, same
from story import story

ISSUER = sys.argv[1]
CALLBACK = "http://127.0.0.1:49335/callback"
# It complains of every answer that it has no key of the client's own.
logging.disable(logging.ERROR)


class Driven:
    def __init__(self, client_id, secret=None, method="", algorithm="RS256"):
        self.method = method
        # For the login, and for introspection and revocation, which the library has as extensions.
        self.client = Client(client_id=client_id, client_authn_method=CLIENT_AUTHN_METHOD)
        self.extension = ExtensionClient(client_id=client_id, client_authn_method=CLIENT_AUTHN_METHOD)
        for each in (self.client, self.extension):
            each.provider_config(ISSUER)
            if secret:
                each.client_secret = secret
        self.client.registration_response = {"id_token_signed_response_alg": algorithm}
        if not secret:
            self.introspect = None

    def ask(self, scope, **more):
        pkce, verifier = self.client.add_code_challenge()
        asked = {
            "response_type": "code", "scope": scope.split(), "redirect_uri": CALLBACK, "state": rndstr(), "nonce": rndstr(),
            "max_age": 60, **pkce, **more,
        }
        request = self.client.construct_AuthorizationRequest(request_args=asked)
        return asked, verifier, request.request(self.client.authorization_endpoint)

    def landed(self, url, state):
        return self.client.parse_response(AuthorizationResponse, url, sformat="urlencoded", state=state)

    def redeem(self, asked, verifier):
        sent = {"redirect_uri": CALLBACK, "code_verifier": verifier}
        self.client.state2nonce[asked["state"]] = asked["nonce"]
        answer = self.client.do_access_token_request(
            state=asked["state"], request_args=sent, authn_method=self.method,
        )
        if not isinstance(answer, ErrorResponse):
            # What the library checks where it is told what was asked for.
            self.client.verify_id_token(answer["id_token"], asked)
        return answer

    def log_in(self, scope):
        asked, verifier, url = self.ask(scope)
        self.landed(log_in(url), asked["state"])

        def redeem():
            answer = self.redeem(asked, verifier)
            if isinstance(answer, ErrorResponse):
                return answer
            same((answer["id_token"]["sub"], answer["id_token"]["nonce"]), (USER, asked["nonce"]))
            return answer["access_token"], answer["refresh_token"], " ".join(answer["scope"])

        return redeem

    def refresh(self, refresh, scope=None):
        token = types.SimpleNamespace(refresh_token=refresh, replaced=False)
        if scope:
            token.scope = scope.split()
        answer = self.client.do_access_token_refresh(token=token, authn_method=self.method)
        if isinstance(answer, ErrorResponse):
            return answer
        return answer["access_token"], answer["refresh_token"], " ".join(answer["scope"])

    def revoke(self, token, kind):
        sent = {"token": token, "token_type_hint": kind}
        same(self.extension.do_token_revocation(request_args=sent, authn_method=self.method), 200)

    def introspect(self, token):
        return self.extension.do_token_introspection(request_args={"token": token}, authn_method=self.method).to_dict()

    def refuses(self, code, run):
        answer = run()
        assert isinstance(answer, TokenErrorResponse), answer
        same(answer["error"], code)

    def client_credentials(self):
        return self.client.do_any(
            CCAccessTokenRequest, endpoint=self.client.token_endpoint, request_args={"scope": ["apps", "webhooks"]},
            response=AccessTokenResponse, authn_method=self.method,
        )


def client_credentials(driven):
    answer = driven.client_credentials()
    same((answer["scope"], "refresh_token" in answer), (["apps", "webhooks"], False))
    # The token is how the library's HTTP client proves itself.
    served = driven.client.fetch_protected_resource(f"{ISSUER}/oauth2/resource", token=answer["access_token"])
    same(served.json()["sub"], driven.client.client_id)


def wrong_secret(wrong):
    answer = wrong.client_credentials()
    assert isinstance(answer, TokenErrorResponse), answer
    same(answer["error"], "invalid_client")


CLIENTS = {
    "portal": (PORTAL, PORTAL_SECRET, "client_secret_basic", "HS256"),
    "encoded, Basic": (ENCODED, ENCODED_SECRET, "client_secret_basic"),
    "encoded, post": (ENCODED, ENCODED_SECRET, "client_secret_post"),
    "mobile": (MOBILE,),
}
for name, (client_id, *proof) in CLIENTS.items():
    driven = Driven(client_id, *proof)
    story(name, driven, ISSUER)
    if proof:
        check(f"{name}: client credentials", lambda: client_credentials(driven))
        wrong = Driven(client_id, proof[0] + "!", *proof[1:])
        check(f"{name}: a wrong secret", lambda: wrong_secret(wrong))

mobile = Driven(MOBILE)


def discovery():
    same(mobile.client.provider_info["issuer"], ISSUER)
    same(mobile.client.token_endpoint, f"{ISSUER}/oauth2/token")
    same([key.kty for key in mobile.client.keyjar.get_issuer_keys(ISSUER)], ["RSA"])
    raises(PyoidcError, lambda: mobile.client.handle_provider_config(mobile.client.provider_info, "http://other.example"))


def what_the_client_finds():
    """That the library's own checks of an ID token are made."""
    asked, verifier, url = mobile.ask(SCOPE)
    mobile.landed(log_in(url), asked["state"])
    raises(ParameterError, lambda: mobile.redeem({**asked, "nonce": "another"}, verifier))

    asked, verifier, url = mobile.ask(SCOPE)
    mobile.landed(log_in(url), asked["state"])
    answer = mobile.redeem(asked, verifier)
    head, body, signature = answer["id_token_jwt"].split(".")
    forged = ".".join([head, body, ("B" if signature[0] == "A" else "A") + signature[1:]])
    shown = AccessTokenResponse(access_token=answer["access_token"], token_type="Bearer", id_token=forged).to_json()
    raises(BadSignature, lambda: mobile.client.parse_response(AccessTokenResponse, shown, state=asked["state"]))


def redirected_errors():
    for code, more, land in [
        ("access_denied", {}, lambda url: log_in(url, decision="deny")),
        ("login_required", {"prompt": "none"}, lambda url: requests.get(url, allow_redirects=False).headers["location"]),
    ]:
        asked, _, url = mobile.ask(SCOPE, **more)
        answer = mobile.landed(land(url), asked["state"])
        assert isinstance(answer, AuthorizationErrorResponse), answer
        same(answer["error"], code)


check("discovery", discovery)
check("the client finds another nonce and another signature", what_the_client_finds)
check("the person cancels, and prompt=none", redirected_errors)
done(f"oic {version('oic')}")
