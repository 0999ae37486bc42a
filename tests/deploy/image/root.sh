#!/bin/sh
# Runs a program as an image would: root.sh ROOT PROGRAM [ARGUMENT...], as root, in a mount namespace of its own
# (unshare --mount). ROOT is the whole file system, read-only but for /tmp and /data; the user is 65532, without capabilities.
set -eu

root=$1
shift
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$root/tmp"
mount -t tmpfs -o "${DATA_OPTIONS:-uid=65532,gid=65532,mode=0755},nosuid,nodev,noexec" tmpfs "$root/data"
mount --bind -o ro /proc "$root/proc"
mount -o remount,bind,ro "$root"
unset DATA_OPTIONS
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"
