# Servers of scripts/services as plain processes: found by a mark, ended, killed.
# shellcheck shell=bash

# A process is ours if its command line carries this mark, which every server gets and which
# follows from the instance's folder alone: the servers are found even when the folder has
# gone (cargo clean), and a process number from before a reboot cannot mislead.
# None begins with another's, or one server would be taken for two.
mark() { printf 'contato-services-%s-%s' "$(printf '%s' "$dir" | sha256sum | cut -c 1-16)" "${1/#postgres-exporter/exporter}"; }

# The pattern goes through a pipe, lest grep find itself.
marked() {
  local file
  # shellcheck disable=SC2062 # what follows -f - are files
  mark "$1" | { grep -lzF -f - /proc/[0-9]*/cmdline 2>/dev/null || true; } | while read -r file; do
    file=${file#/proc/}
    printf '%s\n' "${file%/cmdline}"
  done
}

# The server itself among them: RabbitMQ's is beneath a shell that waits for it, and PostgreSQL's
# is the parent of those that it has just begun for a client, which look like it at first.
main_process() {
  local pid program stat parent found=' '
  for pid in $(marked "$1"); do
    { IFS= read -r -d '' program </proc/"$pid"/cmdline; } 2>/dev/null || continue
    case $1:${program##*/} in
      rabbitmq:beam.smp | postgres:postgres | *:"$(mark "$1")") found+="$pid " ;;
    esac
  done
  for pid in $found; do
    { IFS= read -r stat </proc/"$pid"/stat; } 2>/dev/null || continue
    # What follows the program's name, which stands in brackets, is the state and the parent.
    stat=${stat##*) }
    parent=${stat#* }
    if [[ $found != *" ${parent%% *} "* ]]; then
      printf '%s' "$pid"
      return
    fi
  done
}

# Whether any of the processes still runs. A zombie does not: it holds nothing any more, and
# in a container nobody may ever reap it.
alive() {
  local pid stat
  for pid in "$@"; do
    { IFS= read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    # The state is the letter after the program's name, which stands in brackets.
    case ${stat##*) } in
      [ZX]*) ;;
      *) return 0 ;;
    esac
  done
  return 1
}

wait_gone() {
  local limit=$((SECONDS + $1))
  shift
  while alive "$@"; do
    ((SECONDS < limit)) || return 1
    sleep 0.1
  done
}

# Nothing of the caller's environment gets through: RABBITMQ_, ERL_ and PG variables would
# change what the servers do, and another Erlang on the PATH would break Debian's RabbitMQ.
clean() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@" 8>&- 9>&-
}

stop_process() {
  local pids main signal=TERM
  # PostgreSQL waits for its clients at TERM; INT sends them away.
  [[ $1 == postgres ]] && signal=INT
  # There may be no server yet, but a shell that is about to become it.
  pids=$(marked "$1")
  main=$(main_process "$1")
  # shellcheck disable=SC2086 # a list of numbers
  [[ -z $pids ]] || kill -s "$signal" ${main:-$pids} 2>/dev/null || true
  # shellcheck disable=SC2086 # a list of numbers
  wait_gone 60 $pids
}

kill_process() {
  local pids main
  pids=$(marked "$1")
  if [[ $1 == postgres ]]; then
    # Its children would outlive it for a while, and a new server would not start beside
    # them. They no longer carry the mark; stopped, the server has no further ones.
    main=$(main_process postgres)
    if [[ -n $main ]]; then
      kill -s STOP "$main"
      pids+=" $(ps -o pid= --ppid "$main" || true)"
    fi
  fi
  # shellcheck disable=SC2086 # a list of numbers
  [[ -z $pids ]] || kill -s KILL $pids 2>/dev/null || true
  # shellcheck disable=SC2086 # a list of numbers
  wait_gone 30 $pids
}
