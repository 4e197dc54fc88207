#!/usr/bin/env bash
# Starts the example server, runs the walk that it prints, as printed, and checks what each step answers.
#
#   bash tests/walk.sh target/release/examples/server [OPTIONS OF THE SERVER]
set -euo pipefail
server=$(realpath "$1")
shift
readme=$(realpath "$(dirname "$0")/../README.md")
folder=$(mktemp -d)
cd "$folder"

"$server" --listen 127.0.0.1:0 "$@" >server.out 2>server.err &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
    grep -q 'Ctrl-C stops it' server.out && break
    kill -0 "$pid" || { cat server.err; exit 1; }
    sleep 0.1
done

sed -n '/# log in/,/Ctrl-C stops it/p' server.out | sed '$d' >walk.sh
bash -eu walk.sh >walk.out

# The README has the same walk, at the default address.
diff <(sed -E 's/^  //; s/127\.0\.0\.1:[0-9]+/127.0.0.1:8080/' walk.sh | sed '/^$/d') \
    <(sed -n '/^# log in/,/^```$/p' "$readme" | sed '$d; /^$/d') ||
    { echo 'the walk of the README is another one' >&2; exit 1; }
mapfile -t answers < <(grep -v '^$' walk.out)

fail() { echo "the walk went wrong: $1" >&2; cat walk.out >&2; exit 1; }
token() { sed -E 's/.*"refresh_token":"([^"]+)".*/\1/' <<<"$1"; }
[ "${#answers[@]}" = 14 ] || fail "fourteen answers"
[[ ${answers[0]} == *'"expires_in":3599'*'"scopes":"scope_1, scope_2, scope_3"'* ]] || fail 'the login'
[[ ${answers[1]} == *'"sub":"usuario.teste"'* ]] || fail 'the resource'
[ "$(token "${answers[2]}")" != "$(token "${answers[0]}")" ] || fail 'the refresh rotates'
[ "$(token "${answers[3]}")" = "$(token "${answers[2]}")" ] || fail 'the retry gives the same successor'
[ "$(token "${answers[4]}")" != "$(token "${answers[2]}")" ] || fail 'the successor works'
[ "${answers[5]}" = '{"error":"invalid_grant"}' ] || fail 'the replay'
[ "${answers[6]}" = '{"error":"invalid_grant"}' ] || fail 'the replay ends the grant'
[[ ${answers[7]} == *'"refresh_token":"'* ]] || fail 'a login without renewal has a refresh token'
[ "${answers[8]}" = '{"error":"invalid_grant"}' ] || fail 'which renews nothing'
[[ ${answers[9]} == '{"access_token":"ey'*'","refresh_token":"'*'","scope":"openid email apps","id_token":"ey'*'","token_type":"Bearer","expires_in":86400}' ]] ||
    fail 'the bank redeems a code'
[[ ${answers[10]} == *'"sub":"00506493296"'* ]] || fail 'its resource'
[ "$(token "${answers[11]}")" != "$(token "${answers[9]}")" ] || fail 'its refresh rotates'
[ "${answers[12]}" = '{}' ] || fail 'revocation'
[ "${answers[13]}" = '{"error":"invalid_token"}' ] || fail 'which ends it all'

kill -INT "$pid"
wait "$pid" || fail 'it stops cleanly'
grep -q Stopped server.out || fail 'it says that it stopped'
echo 'the walk: fourteen answers as they should be, and a clean stop'
