# What scripts/kind-up, kind-down, aks-deploy and k8s-secrets have in common. Whoever sources it has set `name` to its own name.
# shellcheck shell=bash

name=${name:?}
# Something where nothing is to be done but said.
dry=''
# The command with what names the cluster.
kubectl=(kubectl)

say() { printf 'scripts/%s: %s\n' "$name" "$*"; }

die() {
  say "$@" >&2
  exit 1
}

# With a first line of --help, which says how it is called.
misused() {
  { say "$1" && usage | head -n 1 && echo "see scripts/$name --help"; } >&2
  exit 2
}

# Runs a command that changes something, or only prints it. What it reads from standard input is not printed.
run() {
  if [[ -n $dry ]]; then
    printf '+%s\n' "$(printf ' %q' "$@")"
    # What would have been read is read, or whoever writes it fails.
    [[ -t 0 ]] || cat >/dev/null
  else
    "$@"
  fi
}

# The first argument is the program, the second what it is for and how it is got.
needs() { command -v "$1" >/dev/null || die "there is no $1 on the PATH: $2"; }

# Whether the first version is at least the second; what is not a number counts as 0.
at_least() {
  local -a have want
  local i
  IFS=. read -r -a have <<<"${1#v}"
  IFS=. read -r -a want <<<"${2#v}"
  for i in 0 1 2; do
    local h=${have[i]:-0} w=${want[i]:-0}
    h=${h%%[!0-9]*} w=${w%%[!0-9]*}
    ((10#${h:-0} == 10#${w:-0})) || { ((10#${h:-0} > 10#${w:-0})) && return 0 || return 1; }
  done
}

# program, version that is there, version that is needed
check_version() {
  [[ -n $2 ]] || die "$1 does not say which version it is; $3 or newer is needed"
  at_least "$2" "$3" || die "$1 is version $2; $3 or newer is needed"
}

# kubectl, not older than the manifests' oldest Kubernetes.
check_kubectl() {
  local version
  needs kubectl "it talks to the cluster; see kubernetes.io/docs/tasks/tools"
  version=$(kubectl version --client 2>/dev/null | sed -n 's/^Client Version: v//p')
  check_version kubectl "$version" 1.30
}

# The tag that the manifests in a folder name images of contato with.
tag_of() { sed -n 's#^ *image: .*/contato/contato:\([^@ ]*\).*#\1#p' "$1"/*.yaml | head -n 1; }

# shellcheck disable=SC2034 # for whoever builds them
images=(producer-api consumer-worker dlq-function contato)

# Writes an image with its digest where a folder of manifests has it without, so that pods are replaced exactly when the image is
# another. Jobs cannot be changed: setup's gets a name of its own for each image. Folder, registry, image, tag, digest.
pin_image() {
  local folder=$1 reference=$2/contato/$3:$4 digest=$5 suffix='' file
  [[ $3 != contato ]] || suffix=-${digest:7:8}
  [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "$reference has no digest: was it pushed?"
  while read -r file; do
    sed -e "s#\(image: \"\{0,1\}\)${reference//./\\.}\(\"\{0,1\}\)\$#\1$reference@$digest\2#" \
      -e "s#^\(  name: contato-setup-[0-9a-z-]*-[0-9a-f]\{10\}\)\$#\1$suffix#" "$file" >"$file.new"
    mv "$file.new" "$file"
  done < <(grep -lF -- "$reference" "$folder"/*.yaml)
}

# The names of setup's jobs in a folder of manifests.
setup_jobs() { awk '/^kind: / { kind = $2 } /^metadata:/ { inside = 1 } /^  name: / && inside && kind == "Job" { print $2 } /^[^ m]/ { inside = 0 }' "$1"/*.yaml; }

# Runs scripts/k8s-secrets and brings what it prints to the cluster; without the annotation that `kubectl apply` leaves, which
# would hold the secrets once more.
bring_secrets() {
  local yaml
  if [[ -n $dry ]]; then
    printf '+ scripts/k8s-secrets%s | %s\n' "$(printf ' %q' "$@")" "${kubectl[*]} apply --server-side -f -"
    return
  fi
  yaml=$(scripts/k8s-secrets "$@") || die "the Secrets cannot be made (see above)"
  if [[ -n $yaml ]]; then
    "${kubectl[@]}" apply --server-side -f - <<<"$yaml"
  else
    say "all Secrets are there already"
  fi
}

# What is to be seen of a rollout that does not come to its end.
explain() {
  "${kubectl[@]}" get pods --namespace "$1" --output wide || true
  "${kubectl[@]}" get events --namespace "$1" --field-selector type=Warning --sort-by .lastTimestamp | tail -n 20 || true
}

# Waits for one object; namespace, object such as deployment/contato-producer-api.
await_rollout() {
  run "${kubectl[@]}" rollout status --namespace "$1" "$2" --timeout=10m && return
  explain "$1" >&2
  die "$2 in $1 does not come up (see above); run this again once the cause is gone"
}

await_jobs() {
  local job
  while read -r job; do
    run "${kubectl[@]}" wait --namespace contato --for=condition=complete "job/$job" --timeout=15m && continue
    explain contato >&2
    "${kubectl[@]}" logs --namespace contato "job/$job" --tail=20 >&2 || true
    die "schema, queues and users could not be set up (see above); run this again once the cause is gone"
  done < <(setup_jobs "$1")
}

await_all() {
  local deployment
  await_jobs "$1"
  for deployment in contato-producer-api contato-consumer-worker contato-dlq-function; do
    await_rollout contato "deployment/$deployment"
  done
  for deployment in statefulset/prometheus statefulset/alertmanager deployment/grafana deployment/otel-collector deployment/postgres-exporter; do
    await_rollout contato-monitoring "$deployment"
  done
}

# ------------------------------------------------------------------- smoke test

# curl with the header lines of a file, which other users of the machine cannot read, unlike arguments.
call() { curl --silent --show-error --max-time 30 --header "@$headers" "$@"; }

# Creates a contact, follows it until it is applied, and deletes it. The address, and a file with the header lines of whoever may.
smoke_test() {
  local api=$1 headers=$2 answer command contact status='' tries
  answer=$(call --fail-with-body --header 'Content-Type: application/json' --data '{"name":"Smoke Test","email":"smoke@example.com"}' \
    "$api/v1/contacts") || die "the contact was not accepted: $answer"
  command=$(sed -n 's#.*"self": *"\([^"]*\)".*#\1#p' <<<"$answer")
  contact=$(sed -n 's#.*"contact": *"\([^"]*\)".*#\1#p' <<<"$answer")
  [[ -n $command && -n $contact ]] || die "the answer has no links: $answer"
  # The API itself waits up to ten seconds each time.
  for ((tries = 0; tries < 12; tries++)); do
    status=$(call --fail --header 'Prefer: wait=10' "$api$command" | sed -n 's#.*"status": *"\([^"]*\)".*#\1#p') || status=''
    [[ $status == pending || -z $status ]] || break
  done
  [[ $status == applied ]] || die "the command $command ended as ${status:-unknown}, not applied"
  call --fail "$api$contact" >/dev/null || die "the contact that was applied cannot be read"
  call --fail --request DELETE --output /dev/null "$api$contact" || die "the contact cannot be deleted again"
  say "a contact was created, followed until it was applied, read, and deleted again"
}
