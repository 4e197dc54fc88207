#!/usr/bin/env bash
# Makes the certificates of tests/fetch/tls.rs anew: a root of nobody's, and what it has signed. They last for a hundred years,
# but for the one that ended in 2001. Their keys are public, so nothing but that test may ever trust them.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out "$1.key.der" 2>/dev/null; }

root() {
    key "$1"
    openssl req -x509 -new -key "$1.key.der" -keyform DER -subj "/CN=$1, of a test" -days 36500 -outform DER -out "$1.der" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

leaf() { # name, host, begin, end
    key "$1"
    openssl req -new -key "$1.key.der" -keyform DER -subj "/CN=$2" -out "$work/$1.csr"
    printf 'subjectAltName=DNS:%s\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2" >"$work/$1.ext"
    openssl ca -batch -notext -config "$work/ca" -name ca -in "$work/$1.csr" -startdate "$3" -enddate "$4" \
        -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
    openssl x509 -in "$work/$1.pem" -outform DER -out "$1.der"
}

cat >"$work/ca" <<END
[ca]
database = $work/index
rand_serial = yes
new_certs_dir = $work
certificate = $work/root.pem
private_key = $work/root.key.pem
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
END
: >"$work/index"

root stranger
rm stranger.key.der
root root
openssl x509 -inform DER -in root.der -out "$work/root.pem"
openssl pkey -inform DER -in root.key.der -out "$work/root.key.pem"
leaf good good.example 20250101000000Z 21250101000000Z
leaf expired good.example 20000101000000Z 20010101000000Z
rm root.key.der
chmod 644 ./*.der
