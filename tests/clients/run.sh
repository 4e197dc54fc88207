#!/usr/bin/env bash
# Drives the example server with clients that know nothing of it, each against a server of its own. Needs Node 20 or newer
# with npm, Python 3.10 or newer with venv, and Chromium; what else the clients need is installed under target/clients.
#
#   bash tests/clients/run.sh target/release/examples/server
#
# VERBOSE=1 names each check; SCREENSHOTS=folder keeps pictures of the pages.
set -euo pipefail
server=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
target=$(realpath -m "${CARGO_TARGET_DIR:-$here/../../target}")
folder=$(mktemp -d)
# Profiles of browsers go there too.
export TMPDIR=$folder
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT

die() { echo "$1" >&2; exit 1; }
for program in node npm python3 chromium; do
    command -v "$program" >/dev/null || die "$program is missing"
done
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || die "Node $(node --version) is too old"
python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' || die 'Python 3.10 with venv is missing'
CHROMIUM=$(command -v chromium)
export CHROMIUM

# Copied, so that nothing is ever installed among the sources.
work=$target/clients
mkdir -p "$work"
cp -r "$here/." "$work/"
for client in oauth4webapi chromium; do
    npm ci --prefix "$work/$client" --no-audit --no-fund --silent || die "npm ci of $client failed"
done
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$work/authlib/requirements.txt"

failed=()
# Starts a server, runs a client with its address, and stops the server again.
drive() {
    local name=$1 url
    shift
    # Without the output of the one before: it is looked for below.
    rm -f "$folder"/server.*
    "$server" --listen 127.0.0.1:0 >"$folder/server.out" 2>"$folder/server.err" &
    pid=$!
    for _ in $(seq 100); do
        grep -q 'Ctrl-C stops it' "$folder/server.out" && break
        kill -0 "$pid" || { cat "$folder/server.err" >&2; exit 1; }
        sleep 0.1
    done
    url=$(sed -nE '1s/.* on (http:[^,]+),.*/\1/p' "$folder/server.out")
    [ -n "$url" ] || die 'the server does not say where it is'
    "$@" "$url" || failed+=("$name")
    kill -INT "$pid"
    wait "$pid" || failed+=("the server's end after $name")
    pid=
    if grep -q 'panicked at' "$folder/server.err"; then
        cat "$folder/server.err" >&2
        failed+=("the server during $name")
    fi
}

drive oauth4webapi node "$work/oauth4webapi/main.mjs"
drive authlib "$work/venv/bin/python" "$work/authlib/main.py"
drive chromium node "$work/chromium/main.mjs"
[ "${#failed[@]}" = 0 ] || die "failed: ${failed[*]}"
