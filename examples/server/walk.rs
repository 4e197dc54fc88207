//! What the server prints when it starts: where it is, and a walk with curl.

use std::net::SocketAddr;

use crate::bank;
use crate::marketplace::{CAMPAIGN, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};
use crate::store::Place;

/// Prints it all.
pub(crate) fn print(address: SocketAddr, place: &Place) {
    let (bank, secret) = (bank::CLIENT_ID, bank::CLIENT_SECRET);
    println!(
        "\
regrant example server on http://{address}, grants {place}
FOR TRYING OUT ONLY: its clients' secrets and its users' passwords are in its source.

A marketplace:
  POST /token              password and refresh_token; renews only with refresh_token_active=true
  GET  /resource           needs a live access token

A bank; user {user}, password {password}; clients {bank} (ID tokens: HS256, by its secret), the public
{public} (ID tokens: RS256, by the key at /oauth2/jwks), and one whose id and secret have to be encoded, \"{encoded}\":
  GET  /oauth2/authorize   the login page, with response_type=code, client_id, redirect_uri={redirect_uri}
  POST /oauth2/token       authorization_code, refresh_token, client_credentials
  POST /oauth2/revoke, POST /oauth2/introspect, GET /oauth2/jwks
  GET  /oauth2/resource    needs a live access token
  GET  /.well-known/openid-configuration, /.well-known/oauth-authorization-server

The walk (each line for a shell; jq is not needed):

  # log in, and ask for renewal
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=password -d username={USERNAME} -d password={PASSWORD} -d campaign_id={CAMPAIGN} \\
    -d refresh_token_active=true | tee login.json; echo
  FIRST=$(sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/' login.json)
  ACCESS=$(sed -E 's/.*\"access_token\":\"([^\"]+)\".*/\\1/' login.json)

  # the resource
  curl -s -H \"Authorization: Bearer $ACCESS\" http://{address}/resource; echo

  # refresh
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$FIRST | tee second.json; echo
  SECOND=$(sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/' second.json)

  # the response got lost: the same token again, and the same successor comes back
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$FIRST; echo

  # the successor is used; after that the first token is a replay, which ends the grant
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$SECOND | tee third.json; echo
  THIRD=$(sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/' third.json)
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$FIRST; echo
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$THIRD; echo

  # without refresh_token_active=true: a refresh token like any other, that renews nothing
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=password -d username={USERNAME} -d password={PASSWORD} -d campaign_id={CAMPAIGN} \\
    | tee fixed.json; echo
  FIXED=$(sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/' fixed.json)
  curl -s -u {CLIENT_ID}:{CLIENT_SECRET} http://{address}/token \\
    -d grant_type=refresh_token -d refresh_token=$FIXED; echo

  # the bank: log in at its page, and take the code from the redirect
  CODE=$(curl -s -o bank.html -w '%{{redirect_url}}' http://{address}/oauth2/authorize \\
    -d response_type=code -d client_id={bank} -d redirect_uri={redirect_uri} \\
    -d 'scope=openid email apps' -d state=af0ifjsldkj \\
    -d username={user} -d password={password} | sed -E 's/.*[?&]code=([^&]+).*/\\1/')
  curl -s -u {bank}:{secret} http://{address}/oauth2/token \\
    -d grant_type=authorization_code -d code=$CODE -d redirect_uri={redirect_uri} | tee bank.json; echo
  ACCESS=$(sed -E 's/.*\"access_token\":\"([^\"]+)\".*/\\1/' bank.json)
  REFRESH=$(sed -E 's/.*\"refresh_token\":\"([^\"]+)\".*/\\1/' bank.json)

  # its resource, and a refresh
  curl -s -H \"Authorization: Bearer $ACCESS\" http://{address}/oauth2/resource; echo
  curl -s -u {bank}:{secret} http://{address}/oauth2/token \\
    -d grant_type=refresh_token -d refresh_token=$REFRESH; echo

  # log out: every token of the login is dead at once
  curl -s -u {bank}:{secret} http://{address}/oauth2/revoke -d token=$REFRESH; echo
  curl -s -H \"Authorization: Bearer $ACCESS\" http://{address}/oauth2/resource; echo

Ctrl-C stops it.",
        user = bank::USERNAME,
        password = bank::PASSWORD,
        public = bank::PUBLIC_CLIENT_ID,
        encoded = bank::ENCODED_CLIENT_ID,
        redirect_uri = bank::REDIRECT_URI,
    );
}
