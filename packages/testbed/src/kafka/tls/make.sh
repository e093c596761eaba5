#!/bin/sh
# Writes the certificates of README.md anew. The CA's own key is thrown away.
set -eu
cd "$(dirname "$0")"
days=36525
ca_key=$(mktemp)
trap 'rm -f "$ca_key" request.pem' EXIT

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

issue() { # name, subject, extensions
  new_key "$1.key.pem"
  openssl req -new -key "$1.key.pem" -subj "$2" -out request.pem
  printf '%s\n' "$3" | openssl x509 -req -in request.pem -CA ca.pem -CAkey "$ca_key" \
    -set_serial "$4" -days "$days" -extfile /dev/stdin -out "$1.pem" 2>/dev/null
}

new_key "$ca_key"
openssl req -x509 -new -key "$ca_key" -subj '/CN=gemini-kafka-bridge test CA' -days "$days" \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' -out ca.pem
issue server '/CN=localhost' 'subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth' 2
issue client '/CN=bridge' 'extendedKeyUsage=clientAuth' 3
# Kafka reads key and certificate from one file.
cat server.key.pem >> server.pem
rm server.key.pem
