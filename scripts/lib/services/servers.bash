# What scripts/services does with a server, whichever engine runs it.
# shellcheck shell=bash

running() {
  if [[ $(get engine) == docker ]]; then
    [[ -n $(docker ps -q --filter "label=contato.services=$dir" --filter "label=contato.service=$1") ]]
  else
    [[ -n $(marked "$1") ]]
  fi
}

ready() {
  case $(get engine):$1 in
    *:rabbitmq)
      amqp_answers "$(get rabbitmq.port)" && rabbitmqctl -q await_startup >/dev/null 2>&1 &&
        { ! have rabbitmq.tls || amqps_answers "$(get rabbitmq-tls.port)"; }
      ;;
    docker:postgres) docker exec "$(container postgres)" pg_isready -q -h 127.0.0.1 2>/dev/null ;;
    debian:postgres) clean "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$(get postgres.port)" ;;
  esac
}

show_log() {
  case $(get engine):$1 in
    docker:*) docker logs --tail 40 "$(container "$1")" ;;
    debian:rabbitmq) tail -n 40 "$dir"/rabbitmq/epmd.out "$dir"/rabbitmq/server.out "$dir"/rabbitmq/log/*.log ;;
    debian:postgres) tail -n 40 "$dir/postgres.log" ;;
  esac >&2 || true
}

await() {
  local limit=$((SECONDS + 90))
  until ready "$1"; do
    if ! running "$1"; then
      show_log "$1"
      die "$name: $1 ended while starting (see above)"
    fi
    if ((SECONDS >= limit)); then
      show_log "$1"
      die "$name: $1 was not ready after 90 s (see above)"
    fi
    sleep 0.2
  done
  say "$1: ready on 127.0.0.1:$(get "$1.port")"
}

# A server that an earlier version of this script has started speaks no TLS yet, and has no management API.
teach_tls() {
  have "$1.tls" && { [[ $1 == postgres ]] || have rabbitmq-management-tls.port; } && return
  if [[ $(get engine) == docker ]]; then
    [[ -z $(container "$1") ]] ||
      die "$name: $1 is a container without TLS; scripts/services down --name $name, then up, makes a new one"
  elif running "$1"; then
    say "$1: stopping, to start again with TLS"
    stop_server "$1" || die "$name: $1 did not stop within 60 s"
  fi
}

# Starts the named servers together, then waits for each.
bring_up() {
  local service waiting=()
  for service in "$@"; do
    teach_tls "$service"
    if running "$service" && ready "$service"; then
      say "$service: already running on 127.0.0.1:$(get "$service.port")"
      continue
    fi
    waiting+=("$service")
    # One that an interrupted `up` has left starting is only waited for.
    running "$service" && continue
    if [[ $(get engine) == docker ]]; then
      docker_launch "$service"
    else
      "${service}_prepare"
      "${service}_launch"
    fi
    say "$service: starting"
  done
  # Bash before 4.4 takes an empty array for an unset one.
  for service in ${waiting[@]+"${waiting[@]}"}; do
    await "$service"
  done
}

# Both fail when the server does not end in time.
stop_server() {
  if [[ $(get engine) == docker ]]; then
    docker stop -t 60 "$(container "$1")" >/dev/null
  else
    stop_process "$1"
  fi
}

kill_server() {
  if [[ $(get engine) == docker ]]; then
    docker kill "$(container "$1")" >/dev/null
  else
    kill_process "$1"
  fi
}
