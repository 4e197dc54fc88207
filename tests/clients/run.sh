#!/usr/bin/env bash
# Drives the example servers with clients that know nothing of them, each against a server of its own. Needs Node 20 or newer
# with npm, Python 3.10 or newer with venv, openssl for certificates, Chromium, and Apache with mod_auth_openidc; what else the clients need is installed under target/clients.
#
#   bash tests/clients/run.sh target/release/examples/server [client…]
#
# The MCP and FAPI examples are the programs `mcp` and `fapi` in the same folder.
#
# VERBOSE=1 names each check; SCREENSHOTS=folder keeps pictures of the pages.
set -euo pipefail
server=$(realpath "$1")
mcp=$(dirname "$server")/mcp
fapi=$(dirname "$server")/fapi
shift
here=$(realpath "$(dirname "$0")")
target=$(realpath -m "${CARGO_TARGET_DIR:-$here/../../target}")
folder=$(mktemp -d)
# Apache's children are another user, who has to get to the folder in it that is theirs.
chmod 711 "$folder"
# Profiles of browsers go there too.
export TMPDIR=$folder
stop() {
    local pid
    for pid in $(jobs -p) $(cat "$folder"/*.pid 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap stop EXIT

die() { echo "$1" >&2; exit 1; }
for program in node npm python3 openssl chromium apache2; do
    command -v "$program" >/dev/null || die "$program is missing"
done
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || die "Node $(node --version) is too old"
python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' || die 'Python 3.10 with venv is missing'
CHROMIUM=$(command -v chromium)
export CHROMIUM

# Copied, so that nothing is ever installed among the sources.
work=$target/clients
mkdir -p "$work/node" "$work/python"
rm -f "$work"/node/*.mjs "$work"/python/*.py
cp -r "$here/node" "$here/python" "$work/"
# One lock file a language, installed again only where it is another one.
installed() { cmp -s "$1" "$2" || { rm -f "$2"; return 1; }; }
if ! installed "$work/node/package-lock.json" "$work/node/node_modules/installed"; then
    npm ci --prefix "$work/node" --no-audit --no-fund --silent || die 'npm ci failed'
    cp "$work/node/package-lock.json" "$work/node/node_modules/installed"
fi &
npm=$!
if ! installed "$work/python/requirements.txt" "$work/python/venv/installed"; then
    rm -rf "$work/python/venv"
    python3 -m venv "$work/python/venv"
    "$work/python/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --require-hashes -r "$work/python/requirements.txt"
    cp "$work/python/requirements.txt" "$work/python/venv/installed"
fi
wait "$npm"

wanted=("$@")
failed() { echo "$1" >>"$folder/failed"; }
# Whether a client is asked for: all are where none is named.
asked_for() {
    touch "$folder/$1.known"
    [ "${#wanted[@]}" = 0 ] || printf '%s\n' "${wanted[@]}" | grep -qxF "$1"
}
# Starts a server, runs a client with its address, and stops the server again.
drive() { drive_at "$server" "$@"; }
drive_at() {
    local program=$1 name=$2 own=$folder/$2 pid url
    shift 2
    asked_for "$name" || return 0
    "$program" --listen 127.0.0.1:0 --throttle off >"$own.out" 2>"$own.err" &
    pid=$!
    echo "$pid" >"$own.pid"
    for _ in $(seq 100); do
        grep -q 'Ctrl-C stops it' "$own.out" && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    url=$(sed -nE '1s/.* on (http:[^,]+),.*/\1/p' "$own.out")
    if [ -n "$url" ]; then
        "$@" "$url" || failed "$name (status $?)"
    else
        cat "$own.err" >&2
        failed "$name: the server does not say where it is"
    fi
    kill -INT "$pid" 2>/dev/null || true
    wait "$pid" || failed "the server's end after $name"
    rm "$own.pid"
    if grep -q 'panicked at' "$own.err"; then
        cat "$own.err" >&2
        failed "the server during $name"
    fi
}
# For a client that starts the server itself, since that has to know something of it.
alone() { alone_with "$server" "$@"; }
alone_with() {
    local program=$1 name=$2
    shift 2
    asked_for "$name" || return 0
    "$@" "$program" || failed "$name (status $?)"
}
# A client that hangs is one that fails: the longest takes half a minute.
by_node() { timeout 600 node "$work/node/$1.mjs" "${@:2}"; }
# In a browser, which itself hangs now and then, without a word and with nothing under way: once, it is started again.
by_browser() {
    local status=0
    timeout -k 10 180 node "$work/node/$1.mjs" "${@:2}" || status=$?
    # 137: it did not end when it was asked to.
    case $status in 124 | 137) ;; *) return "$status" ;; esac
    echo "$1 hangs, and is started again" >&2
    timeout -k 10 180 node "$work/node/$1.mjs" "${@:2}"
}
by_python() { timeout 600 "$work/python/venv/bin/python" "$work/python/drive_$1.py" "${@:2}"; }

# What types and clicks beside what does not: each takes about as long as the other.
{
    drive login_page by_browser login_page
    drive_at "$mcp" mcp_pages by_browser mcp_pages
    alone cors by_browser cors
    alone secure_page by_browser secure_page
    alone_with "$fapi" fapi_browser by_browser fapi_browser
} &
browser=$!
alone oidc_client_ts by_browser oidc_client_ts
alone mod_auth_openidc by_node mod_auth_openidc
drive oauth4webapi by_node oauth4webapi
drive openid_client by_node openid_client
drive badgateway by_node badgateway
drive simple_oauth2 by_node simple_oauth2
drive authlib by_python authlib
drive requests_oauth2client by_python requests_oauth2client
drive oic by_python oic
for client in mcp_sdk mcp_client mcp_conformance mcp_oauth4webapi; do
    drive_at "$mcp" "$client" by_node "$client"
done
alone_with "$mcp" mcp_documents by_node mcp_documents
for client in fapi_oauth4webapi fapi_openid_client fapi_atproto; do
    alone_with "$fapi" "$client" by_node "$client"
done
for client in fapi_authlib fapi_requests_oauth2client; do
    alone_with "$fapi" "$client" by_python "$client"
done
wait "$browser"
for name in "${wanted[@]}"; do
    [ -e "$folder/$name.known" ] || failed "there is no client $name"
done
[ ! -e "$folder/failed" ] || die "failed: $(paste -sd, "$folder/failed")"
