#!/usr/bin/env bash
# Downloads a Debian source package on any Debian, with apt directories of its own: the
# system's sources stay untouched, its mirror and keys are used.
#
#   caffe_ext/debian_source.sh SUITE PACKAGE FOLDER
#
# leaves the package's files in FOLDER; else status 1, the last line says why.
set -euo pipefail
suite=$1 package=$2
command -v apt-get > /dev/null || { echo "no apt here"; exit 1; }
mkdir -p "$3"
apt=$(cd "$3" && pwd)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
touch "$apt/status"

# The Debian mirror that this machine's apt uses.
debian_mirror() {
  apt-get "$@" indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' \
    2> /dev/null | awk '$1 == "Debian" && $2 == "main" { print $3; exit }'
}

mirror=$(debian_mirror)
if [ -z "$mirror" ]; then  # the system's lists were purged: lists of our own
  own=(-o Dir::State::lists="$apt/lists" -o APT::Sandbox::User="$(id -un)")
  apt-get -q "${own[@]}" update 2>&1 || exit 1
  mirror=$(debian_mirror "${own[@]}")
fi
[ -n "$mirror" ] || { echo "apt knows no Debian mirror"; exit 1; }
echo "deb-src $([ -f $keyring ] && echo "[signed-by=$keyring]") $mirror $suite main" \
  > "$apt/sources.list"
options=(-q -o Dir::Etc::sourcelist="$apt/sources.list"
  -o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists"
  -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
  -o APT::Sandbox::User="$(id -un)")
cd "$apt"
apt-get "${options[@]}" update 2>&1
apt-get "${options[@]}" source --download-only "$package" 2>&1
