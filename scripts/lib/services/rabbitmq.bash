# RabbitMQ as a process of scripts/services.
# shellcheck shell=bash

rabbitmq_bin=/usr/lib/rabbitmq/bin

# Erlang's schedulers spin for a while when they have nothing to do, which on shared cores
# takes time from the others (RabbitMQ's "Runtime Tuning" guide, busy waiting).
no_spinning='+sbwt none +sbwtdcpu none +sbwtdio none'

# RabbitMQ, its command line tool and epmd, which tells Erlang nodes one another's ports:
# all on the loopback interface, all files in the instance's folder.
rabbitmq_clean() {
  local home=$dir/rabbitmq
  clean \
    HOME="$home" \
    ERL_EPMD_ADDRESS=127.0.0.1 \
    ERL_EPMD_PORT="$(get epmd.port)" \
    ERL_CRASH_DUMP="$home/erl_crash.dump" \
    RABBITMQ_NODENAME="contato-$name@localhost" \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_NODE_PORT="$(get rabbitmq.port)" \
    RABBITMQ_DIST_PORT="$(get rabbitmq-dist.port)" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} $no_spinning" \
    RABBITMQ_CTL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
    RABBITMQ_CTL_DIST_PORT_MIN=30000 \
    RABBITMQ_CTL_DIST_PORT_MAX=30999 \
    RABBITMQ_CONF_ENV_FILE="$home/rabbitmq-env.conf" \
    RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" \
    RABBITMQ_CONFIG_FILES="$home/conf.d/*.conf" \
    RABBITMQ_ADVANCED_CONFIG_FILE="$home/advanced.config" \
    RABBITMQ_GENERATED_CONFIG_DIR="$home/generated" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$home/data" \
    RABBITMQ_LOG_BASE="$home/log" \
    RABBITMQ_PID_FILE="$home/pid" \
    "$@"
}

# The management plugin, by whose HTTP API `contato setup` makes users. It collects no metrics,
# so that it costs nothing while nobody asks.
rabbitmq_management_prepare() {
  local home=$dir/rabbitmq
  choose_ports rabbitmq-management.port rabbitmq-management-tls.port
  ! have monitoring || choose_ports rabbitmq-prometheus.port
  make_certificates
  (
    umask 077
    mkdir -p "$home/conf.d"
    printf '[%s].\n' "rabbitmq_management$(have monitoring && printf ',rabbitmq_prometheus')" >"$home/enabled_plugins"
    {
      cat <<END
management.tcp.ip = 127.0.0.1
management.tcp.port = $(get rabbitmq-management.port)
management.ssl.ip = 127.0.0.1
management_agent.disable_metrics_collector = true
END
      rabbitmq_management_tls_settings "$(get rabbitmq-management-tls.port)" "$dir/tls"
    } >"$home/conf.d/management.conf"
    ! have monitoring || printf 'prometheus.tcp.%s\n' 'ip = 127.0.0.1' "port = $(get rabbitmq-prometheus.port)" \
      >"$home/conf.d/prometheus.conf"
  )
}

rabbitmq_prepare() {
  local home=$dir/rabbitmq
  have rabbitmq.password || put rabbitmq.password "$(secret)"
  choose_ports rabbitmq.port rabbitmq-tls.port rabbitmq-dist.port epmd.port
  [[ -e $home/rabbitmq.conf ]] || rabbitmq_configure
  rabbitmq_management_prepare
  have rabbitmq.tls && return
  make_certificates
  rabbitmq_tls_settings "127.0.0.1:$(get rabbitmq-tls.port)" "$dir/tls" >>"$home/rabbitmq.conf"
  put rabbitmq.tls yes
}

rabbitmq_configure() {
  local home=$dir/rabbitmq
  mkdir -p "$home/log"
  chmod 700 "$home"
  (
    umask 077
    # An empty one, so that /etc/rabbitmq/rabbitmq-env.conf is not read.
    : >"$home/rabbitmq-env.conf"
    rm -f "$home/.erlang.cookie"
    secret >"$home/.erlang.cookie"
    chmod 400 "$home/.erlang.cookie"
    # The default user is the one the first start creates, in place of guest.
    cat >"$home/rabbitmq.conf" <<END
default_vhost = /
default_user = contato
default_pass = $(get rabbitmq.password)
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
END
  )
}

rabbitmq_launch() {
  cd "$dir/rabbitmq" || exit
  if [[ -z $(marked epmd) ]]; then
    # epmd takes no free argument, so the mark is its name.
    # shellcheck disable=SC2016 # expanded by the inner shell
    rabbitmq_clean bash -c 'exec -a "$1" epmd -daemon' - "$(mark epmd)" >epmd.out 2>&1 </dev/null
  fi
  # A session of its own: a Ctrl-C at the terminal is not for the server.
  rabbitmq_clean setsid --fork "$rabbitmq_bin/rabbitmq-server" -contato "$(mark rabbitmq)" \
    >>server.out 2>&1 </dev/null
}

# An open port does not say that the server is up: Docker opens it first. RabbitMQ answers
# the protocol header with a method frame, whose first byte is 1.
amqp_answers() {
  (
    LC_ALL=C
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'AMQP\0\0\11\1' >&3
    IFS= read -r -t 2 -n 1 byte <&3
    [[ $byte == $'\1' ]]
  ) 2>/dev/null
}

amqps_answers() {
  openssl s_client -connect "127.0.0.1:$1" -CAfile "$dir/tls/ca.crt" -verify_return_error \
    </dev/null >/dev/null 2>&1
}

rabbitmqctl() {
  if [[ $(get engine) == docker ]]; then
    docker exec "$(container rabbitmq)" rabbitmqctl "$@"
  else
    rabbitmq_clean "$rabbitmq_bin/rabbitmqctl" "$@"
  fi
}
