#!/bin/sh
# Makes what the processes of cluster.yaml know each other by: an authority, a certificate for NATS, one for clew, and the password that clew shows to NATS. Run again, it
# keeps what there is and renews certificates that end within 30 days; the processes take them up at their next start.
#   certificates.sh AUTHORITY NATS CLEW      (directories; the authority's key stays in the first, which no process has)
set -eu
umask 077
authority=$1 nats=$2 clew=$3
days=730

if [ ! -s "$authority/ca.key" ] || ! openssl x509 -in "$authority/ca.pem" -noout -checkend 2592000 >/dev/null 2>&1; then
  openssl ecparam -name prime256v1 -genkey -noout -out "$authority/ca.key"
  openssl req -x509 -new -key "$authority/ca.key" -sha256 -days 3650 -subj "/CN=clew cluster" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out "$authority/ca.pem"
  rm -f "$nats/tls.pem" "$clew/tls.pem"
fi

# issue DIRECTORY NAMES: a key, and a certificate for servers and clients of these DNS names.
issue() {
  if openssl x509 -in "$1/tls.pem" -noout -checkend 2592000 >/dev/null 2>&1; then return; fi
  openssl ecparam -name prime256v1 -genkey -noout -out "$1/tls.key"
  openssl req -new -key "$1/tls.key" -subj "/CN=${2%%,*}" -out "$authority/request.pem"
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:%s\n' \
    "$(echo "$2" | sed 's/,/,DNS:/g')" > "$authority/extensions"
  openssl x509 -req -in "$authority/request.pem" -CA "$authority/ca.pem" -CAkey "$authority/ca.key" -CAcreateserial -sha256 -days "$days" \
    -extfile "$authority/extensions" -out "$1/tls.pem"
  cp "$authority/ca.pem" "$1/ca.pem"
}
issue "$nats" nats-1,nats-2,nats-3
issue "$clew" clew.internal

if [ ! -s "$clew/nats.password" ] || [ ! -s "$nats/authorization.conf" ]; then
  password=$(openssl rand -hex 32)
  printf '%s\n' "$password" > "$clew/nats.password"
  printf 'authorization { users: [ {user: clew, password: "%s"} ] }\n' "$password" > "$nats/authorization.conf"
fi
chmod 644 "$nats/ca.pem" "$clew/ca.pem" "$nats/tls.pem" "$clew/tls.pem"
