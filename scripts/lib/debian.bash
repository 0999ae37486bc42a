# Installing Debian's packages, for scripts that source this. They bring `die` and a `say`.
# shellcheck shell=bash

# Sets the array `sudo` to what makes a command root's: nothing for root, sudo where it asks for no password. Elsewhere it
# says what to type. The first argument, such as "a running Docker engine", is what would do instead; it may be empty.
may_install() {
  local instead=$1 command
  shift
  command="apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null ||
    die "needs ${instead:+$instead, or }a Debian system with: sudo $command"
  sudo=()
  if ((EUID)); then
    sudo -n true 2>/dev/null || die "needs ${instead:+$instead, or that you type}"$'\n'"  sudo $command"
    sudo=(sudo -n)
  fi
}

# An apt-get command, with its output in a file. The locks of scripts/services stay with it.
apt_logged() {
  local log=$1
  shift
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
    >>"$log" 2>&1 </dev/null 8>&- 9>&-
}

# Installs packages, after may_install; the first argument is the file that its output goes to.
apt_install() {
  local log=$1
  shift
  say "installing $*"
  # The package lists may be missing or old: then the first attempt fails.
  if ! apt_logged "$log" install -y --no-install-recommends "$@" &&
    ! { apt_logged "$log" update && apt_logged "$log" install -y --no-install-recommends "$@"; }; then
    tail -n 20 "$log" >&2
    die "could not install $* (see above)"
  fi
}
