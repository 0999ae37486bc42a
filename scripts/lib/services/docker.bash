# Servers of scripts/services as containers.
# shellcheck shell=bash

docker_runs() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# Containers are found by their labels, so that those of another checkout are left alone.
container() {
  docker ps -aq --filter "label=contato.services=$dir" --filter "label=contato.service=$1"
}

# Writes a file that the user of a container can read, whatever the umask is.
readable() { (umask 022 && cat >"$1"); }

docker_launch() {
  local id options=() metrics=()
  id=$(container "$1")
  if [[ -n $id ]]; then
    docker start "$id" >/dev/null
    return
  fi
  have "$1.password" || put "$1.password" "$(secret)"
  choose_ports "$1.port"
  make_certificates
  case $1 in
    rabbitmq)
      choose_ports rabbitmq-tls.port rabbitmq-management.port rabbitmq-management-tls.port
      # The image gives metrics unless told otherwise.
      if have monitoring; then
        choose_ports rabbitmq-prometheus.port
        metrics=(-p "127.0.0.1:$(get rabbitmq-prometheus.port):15692")
      fi
      {
        rabbitmq_tls_settings 5671 /tls /var/lib/rabbitmq
        rabbitmq_management_tls_settings 15671 /tls /var/lib/rabbitmq
        printf 'management.tcp.port = 15672\n'
      } | readable "$dir/tls/rabbitmq.conf"
      options=(-p "127.0.0.1:$(get rabbitmq-tls.port):5671"
        -p "127.0.0.1:$(get rabbitmq-management.port):15672"
        -p "127.0.0.1:$(get rabbitmq-management-tls.port):15671"
        ${metrics[@]+"${metrics[@]}"}
        -v "$dir/tls/rabbitmq.conf:/etc/rabbitmq/conf.d/90-tls.conf:ro")
      put rabbitmq.docker "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$no_spinning -rabbitmq_management_agent disable_metrics_collector true
RABBITMQ_DEFAULT_USER=contato
RABBITMQ_DEFAULT_PASS=$(get rabbitmq.password)"
      docker_run rabbitmq 5672 rabbitmq:4-management rabbitmq-server
      ;;
    postgres)
      put postgres.docker "POSTGRES_USER=contato
POSTGRES_PASSWORD=$(get postgres.password)
POSTGRES_DB=contato
POSTGRES_INITDB_ARGS=--locale=C.UTF-8"
      printf '%s\n' "$tls_only" 'local all all trust' 'host all all all scram-sha-256' |
        readable "$dir/tls/pg_hba.conf"
      options=(--tmpfs "/small:size=16m,uid=999,gid=999,mode=0700")
      docker_run postgres 5432 postgres:17 postgres -c max_connections=200 -c shared_buffers=128MB \
        -c hba_file=/tls/pg_hba.conf -c ssl=on -c ssl_cert_file=/tls/server.crt \
        -c ssl_key_file=/var/lib/postgresql/server.key
      ;;
  esac
  put "$1.tls" yes
}

# What runs in a container before what its image runs: the key has to be the server's own.
# shellcheck disable=SC2016 # expanded by the container's shell
own_key='install -o "$0" -g "$0" -m 600 /tls/server.key "/var/lib/$1/" && shift && exec docker-entrypoint.sh "$@"'

# The arguments: the server, its port, the image and what that is to run.
docker_run() {
  local service=$1 port=$2 image=$3 folder=$1
  shift 3
  [[ $service == postgres ]] && folder=postgresql
  # RabbitMQ names its data after the host: the name has to stay the same.
  docker run -d --name "contato-test-$name-$service" --hostname "contato-$name" \
    --label "contato.services=$dir" --label "contato.service=$service" \
    ${options[@]+"${options[@]}"} \
    --env-file "$dir/$service.docker" -p "127.0.0.1:$(get "$service.port"):$port" \
    -v "$dir/tls:/tls:ro" --entrypoint sh "$image" -c "$own_key" "$service" "$folder" \
    "$@" >/dev/null 8>&- 9>&-
}
