# PostgreSQL as a process of scripts/services.
# shellcheck shell=bash

postgres_bin() {
  local bin
  bin=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [[ -x $bin ]] && printf '%s' "${bin%/initdb}"
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if ((EUID)); then
    clean "$@"
  else
    clean runuser -u postgres -- "$@"
  fi
}

postgres_prepare() {
  local home=$dir/postgres
  have postgres.password || put postgres.password "$(secret)"
  choose_ports postgres.port
  # One in /tmp may have gone with a reboot.
  if have postgres.home && [[ -d $(get postgres.home) ]]; then
    home=$(get postgres.home)
  fi
  if [[ ! -e $home/prepared ]]; then
    rm -f "$dir/postgres.tls"
    postgres_initialise
    home=$(get postgres.home)
  fi
  have postgres.tls || postgres_configure_tls "$home"
}

# The certificate lies where the server looks for it unless told otherwise, as its user's own.
postgres_configure_tls() {
  local home=$1 file
  make_certificates
  cd "$home/data" || exit
  for file in server.key server.crt; do
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_postgres sh -c 'umask 077 && cat >"$1"' - "$file" <"$dir/tls/$file"
  done
  sed -i "1i $tls_only" pg_hba.conf
  echo 'ssl = on' >>postgresql.conf
  put postgres.tls yes
}

postgres_initialise() {
  local bin home=$dir/postgres data sockets
  bin=$(postgres_bin)
  mkdir -p "$home"
  if ((EUID == 0)); then
    chown postgres: "$home"
    # The user postgres may not get through to a checkout in someone's home.
    if ! as_postgres test -w "$home"; then
      home=$(TMPDIR=/tmp mktemp -d -t contato-postgres.XXXXXX)
      chown postgres: "$home"
    fi
  fi
  chmod 700 "$home"
  put postgres.home "$home"
  cd "$home" || exit
  data=$home/data
  # Left by an attempt that was cut short.
  rm -rf "$data"
  if ! as_postgres "$bin/initdb" -D "$data" --username=postgres --auth=trust --no-sync \
    --encoding=UTF8 --locale=C.UTF-8 >>"$dir/postgres.log" 2>&1 </dev/null; then
    tail -n 20 "$dir/postgres.log" >&2
    die "$name: initdb failed (see above)"
  fi
  # The folder of the socket is open to the server's own user alone.
  cat >"$data/pg_hba.conf" <<'END'
local all postgres trust
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
END
  # The path of a Unix socket has at most 107 bytes, and a server that cannot
  # create its socket does not start.
  sockets=
  if (($(printf '%s/.s.PGSQL.%s' "$home" "$(get postgres.port)" | wc -c) <= 107)) &&
    [[ $home != *[\'\"\\,]* ]]; then
    sockets="\"$home\""
  fi
  # Dynamic shared memory lies in the data folder too: after a kill nothing stays in /dev/shm.
  cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $(get postgres.port)
unix_socket_directories = '$sockets'
max_connections = 200
shared_buffers = 128MB
dynamic_shared_memory_type = mmap
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
END
  # Without a server, so that no superuser ever needs a password.
  if ! as_postgres "$bin/postgres" --single -D "$data" postgres >>"$dir/postgres.log" 2>&1 <<END
CREATE ROLE contato LOGIN CREATEDB CREATEROLE PASSWORD '$(get postgres.password)'
CREATE DATABASE contato OWNER contato
END
  then
    tail -n 20 "$dir/postgres.log" >&2
    die "$name: could not create the user contato (see above)"
  fi
  : >"$home/prepared"
}

postgres_launch() {
  local home file pid
  home=$(get postgres.home)
  cd "$home" || exit
  # Left by a killed server. PostgreSQL would not start while any process has the number
  # in them, be it a zombie or, after a reboot, some other program; ours is known not to run.
  for file in "$home"/data/postmaster.pid "$home"/.s.PGSQL.*.lock; do
    [[ -e $file ]] || continue
    pid=
    IFS= read -r pid <"$file" || true
    if [[ -z $pid || -e /proc/$pid ]]; then
      rm "$file"
    fi
  done
  # The option is one that extensions could define; it only carries the mark.
  as_postgres "$(postgres_bin)/pg_ctl" start -W -D "$home/data" \
    -o "-c contato.services=$(mark postgres)" >>"$dir/postgres.log" 2>&1 </dev/null || true
}

# The user contato owns its database and is no superuser, but for Docker's image, which knows
# no other.
run_psql() {
  local home
  if [[ $(get engine) == docker ]]; then
    docker exec "$(container postgres)" psql -U contato -d contato "$@"
  else
    home=$(get postgres.home)
    [[ -S $home/.s.PGSQL.$(get postgres.port) ]] ||
      die "$name: the path of $home is too long for a socket, or PostgreSQL is not running"
    cd "$home" || exit
    as_postgres "$(postgres_bin)/psql" -h "$home" -p "$(get postgres.port)" -U postgres -d contato "$@"
  fi
}

small_disk() {
  local home owner sudo=()
  if [[ $(get engine) == docker ]]; then
    echo /small
    return
  fi
  home=$(get postgres.home)
  ((EUID == 0)) || sudo=(sudo -n)
  owner=$(stat -c 'uid=%u,gid=%g' "$home")
  mkdir -p "$home/small"
  mountpoint -q "$home/small" ||
    ${sudo[@]+"${sudo[@]}"} mount -t tmpfs -o "size=16m,mode=0700,$owner" contato-small "$home/small" ||
    die "$name: a small disk cannot be mounted; it needs root, or sudo without a password"
  printf '%s\n' "$home/small"
}

remove_small_disk() {
  local sudo=()
  ((EUID == 0)) || sudo=(sudo -n)
  if mountpoint -q "$1/small"; then
    ${sudo[@]+"${sudo[@]}"} umount "$1/small"
  fi
}
