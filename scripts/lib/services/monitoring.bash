# Prometheus, Alertmanager and postgres_exporter as processes of scripts/services, with the configuration of compose.yaml's
# profile observe at this instance's addresses.
# shellcheck shell=bash

monitors=(postgres-exporter alertmanager prometheus)
# Jobs of deploy/prometheus/prometheus.yml that are not run here.
unwatched='grafana|otel-collector|traefik'

# Where Debian's package of the same name puts the program.
monitor_program() {
  case $1 in
    prometheus) echo /usr/bin/prometheus ;;
    *) echo "/usr/bin/prometheus-$1" ;;
  esac
}

# Starts one, with its mark as the name of the process and a log of its own.
launch_monitor() {
  local monitor=$1 program
  shift
  program=$(monitor_program "$monitor")
  # shellcheck disable=SC2016 # expanded by the inner shell
  clean ${variables[@]+"${variables[@]}"} setsid --fork bash -c 'exec -a "$1" "$2" "${@:3}"' - "$(mark "$monitor")" "$program" "$@" \
    >>"$dir/$monitor.log" 2>&1 </dev/null
}

monitor_answers() {
  local path=/-/ready
  [[ $1 != postgres-exporter ]] || path=/metrics
  (
    exec 3<>"/dev/tcp/127.0.0.1/$(get "$1.port")"
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" >&3
    IFS= read -r -t 10 line <&3
    [[ $line == *' 200 '* ]]
  ) 2>/dev/null
}

# ------------------------------------------------------------- postgres_exporter

# A user that may read statistics and nothing else.
postgres_exporter_prepare() {
  have postgres-exporter.password || put postgres-exporter.password "$(secret)"
  choose_ports postgres-exporter.port
  have postgres-exporter.user && return
  run_psql -q -v ON_ERROR_STOP=1 -c "CREATE ROLE monitor LOGIN PASSWORD '$(get postgres-exporter.password)' IN ROLE pg_monitor" \
    >>"$dir/postgres-exporter.log" 2>&1 </dev/null || die "$name: no user for postgres_exporter (see target/services/$name/postgres-exporter.log)"
  put postgres-exporter.user yes
}

postgres_exporter_launch() {
  local variables=("DATA_SOURCE_NAME=postgresql://monitor:$(get postgres-exporter.password)@127.0.0.1:$(get postgres.port)/contato?sslmode=disable")
  local queries=$root/deploy/prometheus/postgres-queries.yaml more=()
  [[ ! -e $queries ]] || more=("--extend.query-path=$queries")
  launch_monitor postgres-exporter ${more[@]+"${more[@]}"} "--web.listen-address=127.0.0.1:$(get postgres-exporter.port)"
}

# ----------------------------------------------------------------- Alertmanager

# Where alerts go is what compose.yaml's does with them, or what stands in the file by now.
alertmanager_prepare() {
  choose_ports alertmanager.port
  mkdir -p "$dir/alertmanager"
  [[ -e $dir/alertmanager/alertmanager.yml ]] || cp "$root/deploy/alertmanager/alertmanager.yml" "$dir/alertmanager/"
}

alertmanager_launch() {
  local variables=()
  launch_monitor alertmanager "--config.file=$dir/alertmanager/alertmanager.yml" "--storage.path=$dir/alertmanager/data" \
    "--web.listen-address=127.0.0.1:$(get alertmanager.port)" "--web.external-url=http://127.0.0.1:$(get alertmanager.port)/" \
    --cluster.listen-address=
}

# ------------------------------------------------------------------- Prometheus

prometheus_prepare() {
  choose_ports prometheus.port
  mkdir -p "$dir/prometheus"
  # Written anew at each start: the ports of contato's processes may be others.
  prometheus_configuration >"$dir/prometheus/prometheus.yml.new"
  if grep -n 'targets:' "$dir/prometheus/prometheus.yml.new" | grep -vE '\["127\.0\.0\.1:[0-9]+"\]' >&2; then
    die "deploy/prometheus/prometheus.yml watches what scripts/lib/services/monitoring.bash does not know (see above)"
  fi
  mv "$dir/prometheus/prometheus.yml.new" "$dir/prometheus/prometheus.yml"
}

# That of compose.yaml, with this instance's addresses and without what is not run here.
prometheus_configuration() {
  local producer_api consumer_worker dlq_function
  IFS=, read -r producer_api consumer_worker dlq_function <<<"$(get contato.ports)"
  awk -v unwatched="^($unwatched)\$" '
    /^ *- job_name:/ { skipped = $3 ~ unwatched }
    /^[^ #]/ { skipped = 0 }
    !skipped
  ' "$root/deploy/prometheus/prometheus.yml" | sed -E \
    -e "s#/etc/rules/#$root/helm/contato/files/rules/#" \
    -e 's#^( *metrics_path:) */(prometheus|alertmanager)/metrics#\1 /metrics#' \
    -e "s#^( *runbooks:).*#\1 file://$root/docs/runbooks#" \
    -e "s#\[\"?producer-api:[0-9]+\"?\]#[\"127.0.0.1:$producer_api\"]#" \
    -e "s#\[\"?consumer-worker:[0-9]+\"?\]#[\"127.0.0.1:$consumer_worker\"]#" \
    -e "s#\[\"?dlq-function:[0-9]+\"?\]#[\"127.0.0.1:$dlq_function\"]#" \
    -e "s#\[\"?rabbitmq:[0-9]+\"?\]#[\"127.0.0.1:$(get rabbitmq-prometheus.port)\"]#" \
    -e "s#\[\"?postgres-exporter:[0-9]+\"?\]#[\"127.0.0.1:$(get postgres-exporter.port)\"]#" \
    -e "s#\[\"?alertmanager:[0-9]+\"?\]#[\"127.0.0.1:$(get alertmanager.port)\"]#" \
    -e "s#\[\"?localhost:9090\"?\]#[\"127.0.0.1:$(get prometheus.port)\"]#"
}

prometheus_launch() {
  local variables=()
  launch_monitor prometheus "--config.file=$dir/prometheus/prometheus.yml" "--storage.tsdb.path=$dir/prometheus/data" \
    --storage.tsdb.retention.time=7d "--web.listen-address=127.0.0.1:$(get prometheus.port)" \
    "--web.external-url=http://127.0.0.1:$(get prometheus.port)/" --web.enable-lifecycle
}
