# Certificates of an instance of scripts/services.
# shellcheck shell=bash

# What makes a private key: OpenSSL's and LibreSSL's (macOS) own ways differ.
private_key() { (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$1"); }

# The authority of the instance, and the certificate that both servers show. The key of the
# authority goes at once: nobody can sign anything more with it. The folder is open to the
# servers' users in containers, the servers' key is not.
make_certificates() {
  local tls=$dir/tls new=$dir/tls.new
  [[ -e $tls ]] && return
  command -v openssl >/dev/null || die "needs openssl, to make certificates"
  rm -rf "$new"
  mkdir -m 755 "$new"
  cat >"$new/openssl.cnf" <<END
[req]
distinguished_name = subject
prompt = no
[subject]
CN = contato services $name
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
END
  # Each step by &&: where || follows, bash goes on after an error.
  (
    cd "$new" && private_key ca.key && private_key server.key &&
      openssl req -config openssl.cnf -x509 -new -key ca.key -extensions authority -days 3650 -out ca.crt &&
      openssl req -config openssl.cnf -new -key server.key -subj /CN=localhost -out server.csr &&
      openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -set_serial 1 -days 3650 \
        -extfile openssl.cnf -extensions server -out server.crt
  ) >"$dir/tls.log" 2>&1 || { cat "$dir/tls.log" >&2 && die "$name: no certificates (see above)"; }
  rm "$new/ca.key" "$new/server.csr"
  chmod 644 "$new"/*.crt
  mv "$new" "$tls"
}

# Settings of RabbitMQ, given the address to listen on and the folder of the certificates.
rabbitmq_tls_settings() {
  cat <<END
listeners.ssl.default = $1
ssl_options.cacertfile = $2/ca.crt
ssl_options.certfile = $2/server.crt
ssl_options.keyfile = ${3:-$2}/server.key
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
END
}

# The same for its management API, given the port instead of an address.
rabbitmq_management_tls_settings() {
  cat <<END
management.ssl.port = $1
management.ssl.cacertfile = $2/ca.crt
management.ssl.certfile = $2/server.crt
management.ssl.keyfile = ${3:-$2}/server.key
END
}

# A connection to this database is refused unless it speaks TLS, for tests of that. It need
# not exist: PostgreSQL looks here first.
tls_only='hostnossl tls_only all all reject'
