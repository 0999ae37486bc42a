# What scripts/services does with a server, whichever engine runs it.
# shellcheck shell=bash

# The programs that watch are processes, whatever runs the servers.
engine_of() {
  case $1 in
    rabbitmq | postgres) get engine ;;
    *) echo debian ;;
  esac
}

running() {
  if [[ $(engine_of "$1") == docker ]]; then
    [[ -n $(docker ps -q --filter "label=contato.services=$dir" --filter "label=contato.service=$1") ]]
  else
    [[ -n $(marked "$1") ]]
  fi
}

ready() {
  case $(engine_of "$1"):$1 in
    *:rabbitmq)
      amqp_answers "$(get rabbitmq.port)" && rabbitmqctl -q await_startup >/dev/null 2>&1 &&
        { ! have rabbitmq.tls || amqps_answers "$(get rabbitmq-tls.port)"; }
      ;;
    docker:postgres) docker exec "$(container postgres)" pg_isready -q -h 127.0.0.1 2>/dev/null ;;
    debian:postgres) clean "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$(get postgres.port)" ;;
    *) monitor_answers "$1" ;;
  esac
}

show_log() {
  case $(engine_of "$1"):$1 in
    docker:*) docker logs --tail 40 "$(container "$1")" ;;
    debian:rabbitmq) tail -n 40 "$dir"/rabbitmq/epmd.out "$dir"/rabbitmq/server.out "$dir"/rabbitmq/log/*.log ;;
    debian:*) tail -n 40 "$dir/$1.log" ;;
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

# Whether a server is as this script starts one now. One that an earlier version has started speaks no TLS yet, and has no
# management API; RabbitMQ that was not to be watched gives no metrics.
up_to_date() {
  case $1 in
    rabbitmq)
      have rabbitmq.tls && have rabbitmq-management-tls.port && { ! have monitoring || have rabbitmq-prometheus.port; }
      ;;
    postgres) have postgres.tls ;;
  esac
}

bring_up_to_date() {
  up_to_date "$1" && return
  if [[ $(engine_of "$1") == docker ]]; then
    [[ -z $(container "$1") ]] ||
      die "$name: $1 is a container without TLS or metrics; scripts/services down --name $name, then up, makes a new one"
  elif running "$1"; then
    say "$1: stopping, to start again with TLS and metrics"
    stop_server "$1" || die "$name: $1 did not stop within 60 s"
  fi
}

# Starts the named servers together, then waits for each.
bring_up() {
  local service waiting=()
  for service in "$@"; do
    bring_up_to_date "$service"
    if running "$service" && ready "$service"; then
      say "$service: already running on 127.0.0.1:$(get "$service.port")"
      continue
    fi
    waiting+=("$service")
    # One that an interrupted `up` has left starting is only waited for.
    running "$service" && continue
    if [[ $(engine_of "$service") == docker ]]; then
      docker_launch "$service"
    else
      "${service//-/_}_prepare"
      "${service//-/_}_launch"
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
  if [[ $(engine_of "$1") == docker ]]; then
    docker stop -t 60 "$(container "$1")" >/dev/null
  else
    stop_process "$1"
  fi
}

kill_server() {
  if [[ $(engine_of "$1") == docker ]]; then
    docker kill "$(container "$1")" >/dev/null
  else
    kill_process "$1"
  fi
}
