//! What the server prints when it starts: where it is, and a walk with curl.

use std::net::SocketAddr;

use crate::marketplace::{CAMPAIGN, CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};

/// Prints it all.
pub(crate) fn print(address: SocketAddr) {
    println!(
        "\
regrant example server on http://{address}, grants in memory
FOR TRYING OUT ONLY: its client secret and its user's password are in its source.

  POST /token      password and refresh_token; renews only with refresh_token_active=true
  GET  /resource   needs a live access token

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

Ctrl-C stops it."
    );
}
