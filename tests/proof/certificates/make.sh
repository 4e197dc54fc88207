#!/usr/bin/env bash
# Makes the certificates of tests/proof/certificates.rs anew, self-signed, for a hundred years; what vouches for them is said by the tests.
# Their keys are thrown away. `appendix_a.der` is that of RFC 8705 appendix A, and not made here.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

certificate() { # name, key, subject, more
    local name=$1 key=$2 subject=$3
    shift 3
    openssl req -x509 -new -key "$work/$key" -subj "$subject" -days 36500 -outform DER -out "$name.der" -utf8 "$@"
}

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/p256" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/p384" 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/rsa" 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$work/rsa1024" 2>/dev/null
openssl genpkey -algorithm ED25519 -out "$work/ed25519" 2>/dev/null

certificate named p256 '/C=DE/O=Example  Bank, Inc./OU=Payments+CN=ca-client' \
    -addext 'subjectAltName=DNS:Client.Bank.example,DNS:*.wild.example,URI:spiffe://bank.example/Client,email:Ops@Bank.example,IP:192.0.2.7,IP:2001:db8::7'
certificate renewed p256 '/C=DE/O=Example  Bank, Inc./OU=Payments+CN=ca-client'
certificate rsa rsa '/CN=Ján/O=Česká banka'
certificate ed25519 ed25519 '/CN=ca-client'
certificate p384 p384 '/CN=ca-client'
certificate rsa1024 rsa1024 '/CN=ca-client'
# The public keys, for a second opinion.
for key in p256 rsa ed25519; do openssl pkey -in "$work/$key" -pubout -outform DER -out "$key.spki"; done
chmod 644 ./*.der ./*.spki
