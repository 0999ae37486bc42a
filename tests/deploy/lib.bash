# For the checks of tests/deploy that are written in bash.
# shellcheck shell=bash

# Prints a finding; `finish` then fails.
findings=0
finding() {
  printf '%s\n' "$*"
  findings=$((findings + 1))
}

# Proves that something can fail: the command, which gets something broken, must fail and print what matches the pattern.
must_find() {
  local pattern=$1 output
  shift
  if output=$("$@" 2>&1); then
    finding "finds nothing in what is broken: $*"
  elif ! grep -qE -- "$pattern" <<<"$output"; then
    finding "finds other things than /$pattern/ in what is broken: $*"
    printf '%s\n' "$output" | head -n 20
  fi
  proofs=$((${proofs:-0} + 1))
}

# Ends the check, with a line on what it looked at.
finish() {
  ((findings == 0)) || {
    printf '%d findings\n' "$findings"
    exit 1
  }
  printf '%s; proved to fail in %d ways\n' "$*" "${proofs:-0}"
}
