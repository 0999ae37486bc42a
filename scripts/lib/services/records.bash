# What scripts/services remembers of an instance, and the locks and ports that instances share.
# shellcheck shell=bash

# What has to be remembered of an instance is one small file a value in its folder.
have() { [[ -e $dir/$1 ]]; }

get() { cat "$dir/$1"; }

put() {
  # Some values are passwords. The rename keeps a reader from seeing half a file.
  (umask 077 && printf '%s\n' "$2" >"$dir/$1.new")
  mv "$dir/$1.new" "$dir/$1"
}

secret() { od -An -N 16 -tx1 /dev/urandom | tr -d ' \n'; }

# Held until the script ends. Where there is no flock (macOS), instances are not guarded.
lock_instance() {
  mkdir -p "$services"
  if command -v flock >/dev/null; then
    exec 8>"$services/.$name.lock"
    if ! flock -n 8; then
      say "waiting for another scripts/services"
      flock -w 600 8 || die "$name is still locked by another scripts/services"
    fi
  fi
}

# Choosing ports and installing packages concern all instances.
lock_all() {
  if command -v flock >/dev/null; then
    exec 9>"$services/.lock"
    flock -w 600 9 || die "still locked by another scripts/services"
  fi
}

unlock_all() { exec 9>&-; }

port_taken() {
  grep -qsxF "$1" "$services"/*/*.port || (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Gives the named records a free port each. They lie below the range the kernel takes the
# ports of outgoing connections from: there, a port could be gone while its server is down.
choose_ports() {
  local record port tries
  lock_all
  for record in "$@"; do
    have "$record" && continue
    for ((tries = 0; ; tries++)); do
      ((tries < 200)) || die "no free port found between 20000 and 29999"
      port=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
      port_taken "$port" || break
    done
    put "$record" "$port"
  done
  unlock_all
}
