#!/usr/bin/env bash
# Tries the README's two commands, word for word, in a bare system of another suite.
#
#   tests/bare_system.sh SUITE                      # make demo, make test
#   tests/bare_system.sh trixie make 'make pycaffe-test'
#
# SUITE is one that debootstrap knows: bookworm, trixie, jammy, noble, resolute. As root:
# the system is made by debootstrap in $BARE/SUITE (/var/tmp/bare), kept, and entered by
# chroot, with the machine's own settings of apt and pip, its certificates and proxies.
# It gets a clone of this repository's HEAD; what you have not committed is not in it.
#
#   BARE=DIR         where systems are kept (some 6 GB each, with what is built)
#   FRESH=1          make the system anew
#   MIRROR=URL       debootstrap's; default: what apt uses here, or debootstrap's own
#   CCACHE_DIR=DIR   the compiler's cache, shared with the system
#   CAFFE_SOURCE=DIR Caffe's source where it can't be fetched (Ubuntu has no deb-src of it)
#   WHEEL=FILE       no clone, nothing but python3 and pip: tests/try_wheel.sh FILE
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \?//;p}' "$0"; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'bare_system: error: chroot wants root' >&2; exit 1; }
command -v debootstrap > /dev/null ||
  { echo 'bare_system: error: apt-get install debootstrap' >&2; exit 1; }

# Mounts are made in a namespace of their own and are gone with it, however it ends.
if [ -z "${BARE_INSIDE:-}" ]; then
  exec env BARE_INSIDE=1 unshare --mount --pid --fork --kill-child "$0" "$@"
fi

repository=$(cd "$(dirname "$0")/.." && pwd)
suite=$1
shift
bare=${BARE:-/var/tmp/bare}
root=$bare/$suite
clone=/root/drml
cache=${CCACHE_DIR:-$HOME/.cache/ccache}

scripts=/usr/share/debootstrap/scripts
case $suite in
  bookworm | trixie | forky | sid)
    script=sid components=main
    mirror=${MIRROR:-$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' |
      awk '$1 == "Debian" && $2 == "main" { print $3; exit }')} ;;
  *)  # newer than this debootstrap, maybe, which has one script for all of Ubuntu's
    script=gutsy components=main,universe
    mirror=${MIRROR:-$(awk '$1 == "default_mirror" && $2 !~ /old-releases/ { print $2; exit }' \
      $scripts/gutsy)} ;;
esac

say() { printf '\n#### %s: %s (%s UTC)\n' "$suite" "$*" "$(date -u +%H:%M)"; }

make_system() {
  say 'a bare system by debootstrap'
  rm -rf "$root"
  mkdir -p "$bare"
  local options=(--variant=minbase --components=$components)
  # Ubuntu's keys are seldom on a Debian: unchecked then, which a test may be.
  [ $script = sid ] || [ -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ] ||
    options+=(--no-check-gpg)
  debootstrap "${options[@]}" "$suite" "$root" "$mirror" $script \
    > "$bare/$suite.log" || { tail "$bare/$suite.log"; exit 1; }
}

# The machine's own ways to the network, as files; the environment goes along.
settings() {
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/apt/auth.conf \
    /etc/apt/apt.conf /etc/ssl/certs/ca-certificates.crt \
    "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" "$HOME/.netrc"; do
    [ ! -f "$file" ] || { mkdir -p "$root$(dirname "$file")"; cat "$file" > "$root$file"; }
  done
  for file in /etc/apt/apt.conf.d /etc/apt/auth.conf.d /usr/local/share/ca-certificates; do
    mkdir -p "$root$file"
    [ ! -d "$file" ] || cp -n "$file"/* "$root$file" 2> /dev/null || true
  done
}

mounts() {
  mount --make-rprivate /
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"  # with /dev/pts and /dev/shm
  mkdir -p "$root/root/.cache/ccache"
  if [ -d "$cache" ]; then mount --bind "$cache" "$root/root/.cache/ccache"; fi
}

inside() {  # words of a shell, in the clone
  say "$1"
  local begin=$SECONDS
  env -u BARE_INSIDE -u CCACHE_DIR HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /bin/bash -ec "cd $2; $1" ||
    { echo "#### $suite: FAILED after $((SECONDS - begin)) s: $1"; exit 1; }
  echo "#### $suite: done in $((SECONDS - begin)) s: $1"
}

copy_clone() {
  [ -z "${FRESH:-}" ] || rm -rf "$root$clone"
  if [ -d "$root$clone/.git" ]; then  # what was built there stays
    git -C "$root$clone" fetch -q "$repository" HEAD
    git -C "$root$clone" reset -q --hard FETCH_HEAD
  else
    git clone -q "$repository" "$root$clone"
  fi
  if [ -n "${CAFFE_SOURCE:-}" ]; then
    mkdir -p "$root/root/caffe_source"
    cp -a "$CAFFE_SOURCE/." "$root/root/caffe_source"
    export CAFFE_SOURCE=/root/caffe_source
  fi
}

try_wheel() {
  inside 'apt-get install -y -qq --no-install-recommends python3-venv > /dev/null' /
  rm -rf "$root/root/wheel"
  mkdir -p "$root/root/wheel"
  cp "$WHEEL" "$repository/tests/try_wheel.sh" "$root/root/wheel"
  inside 'bash ./try_wheel.sh ./*.whl' /root/wheel
}

main() {  # read as a whole before it runs, so that the script may change meanwhile
  [ -z "${FRESH:-}" ] && [ -e "$root/etc/os-release" ] || make_system
  settings
  mounts
  inside 'apt-get update -qq' /
  if [ -n "${WHEEL:-}" ]; then
    try_wheel
    return
  fi
  inside 'apt-get install -y -qq git make > /dev/null' /
  copy_clone
  [ $# -gt 0 ] || set -- 'make demo' 'make test'
  for command in "$@"; do inside "$command" $clone; done
  say "all done: $*"
}
main "$@"; exit
