# Debian's packages that scripts/services installs.
# shellcheck shell=bash

remove_policy() { "${sudo[@]}" rm -f /usr/sbin/policy-rc.d; }

install_missing() {
  local service packages=() units=() servers=() policy='' instead=''
  for service in "$@"; do
    case $service in
      rabbitmq)
        [[ -x $rabbitmq_bin/rabbitmq-server ]] || packages+=(rabbitmq-server) ;;
      postgres)
        postgres_bin >/dev/null || packages+=(postgresql) ;;
      prometheus | alertmanager | postgres-exporter)
        [[ -x $(monitor_program "$service") ]] || packages+=("$(basename "$(monitor_program "$service")")") ;;
    esac
  done
  servers=(${packages[@]+"${packages[@]}"})
  command -v openssl >/dev/null || packages+=(openssl)
  ((${#packages[@]})) || return 0

  [[ ${packages[*]} == *prometheus* ]] || instead="a running Docker engine"
  may_install "$instead" "${packages[@]}"

  # The packages would start servers of their own, on every interface. This is Debian's
  # way to forbid it; a policy that is already there is the machine's own.
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    policy=ours
    trap remove_policy EXIT
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${sudo[@]}" chmod 755 /usr/sbin/policy-rc.d
  fi
  apt_install "$dir/apt.log" "${packages[@]}"
  if [[ -n $policy ]]; then
    remove_policy
    trap - EXIT
  fi
  # Nor shall they start with the machine, now that we have put them on it.
  if ((${#servers[@]})) && command -v systemctl >/dev/null; then
    units=("${servers[@]/%/.service}")
    "${sudo[@]}" systemctl disable "${units[@]}" >>"$dir/apt.log" 2>&1 || true
  fi
}
