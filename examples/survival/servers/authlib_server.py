"""Authlib in Flask, as its documentation has the refresh token grant: a refresh revokes the old token and, with INCLUDE_NEW_REFRESH_TOKEN,
gives another one. Models are in a dictionary."""

import itertools
import logging
import sys
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from flask import Flask


class Client(ClientMixin):
    def get_client_id(self):
        return "app"

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return False

    def check_client_secret(self, client_secret):
        return client_secret == "a-secret-for-trying-out-only-here"

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return False

    def check_grant_type(self, grant_type):
        return grant_type in ("password", "refresh_token")


class Token(TokenMixin):
    def __init__(self, user, refresh_token):
        self.user, self.refresh_token, self.revoked_at = user, refresh_token, 0

    def check_client(self, client):
        return True

    def get_scope(self):
        return ""

    def get_expires_in(self):
        return 3600

    def is_expired(self):
        return False

    def is_revoked(self):
        return self.revoked_at != 0

    def get_user(self):
        return self.user

    def get_client(self):
        return CLIENT


class Password(grants.ResourceOwnerPasswordCredentialsGrant):
    def authenticate_user(self, username, password):
        return f"{username}-{next(people)}"


class Refresh(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = tokens.get(refresh_token)
        return token if token and not token.is_revoked() else None

    def authenticate_user(self, refresh_token):
        return refresh_token.get_user()

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked_at = int(time.time())


CLIENT, tokens, people = Client(), {}, itertools.count()
app = Flask(__name__)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
server = AuthorizationServer(
    app,
    query_client=lambda client_id: CLIENT if client_id == "app" else None,
    save_token=lambda token, request: tokens.update({token["refresh_token"]: Token(request.user, token["refresh_token"])}),
)
server.register_grant(Password)
server.register_grant(Refresh)


@app.post("/token")
def issue_token():
    return server.create_token_response()


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
