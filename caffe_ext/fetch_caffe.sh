#!/usr/bin/env bash
# Puts the pinned source of BVLC Caffe, with our patches, into a folder.
#
#   caffe_ext/fetch_caffe.sh BUILD_DIR
#
# writes BUILD_DIR/caffe-pristine (checked against caffe_source.txt) and
# BUILD_DIR/caffe (the same, patched). The source comes from $CAFFE_SOURCE (a
# folder or a tarball), else from Debian's source package, else from git.
# A second call does nothing unless the pin or a patch changed.
set -euo pipefail

ext=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
source "$ext/caffe_source.txt"
work=$build/caffe-download

say() { echo "caffe source: $*"; }
fail() { echo "caffe source: error: $*" >&2; exit 1; }

# sha256 over the sorted sha256sum lines of every file that the build uses.
parts_sha256() {
  (cd "$1" && find $PARTS ! -type d ! -name '*.pyc' 2>/dev/null |
    LC_ALL=C sort | xargs -d '\n' -r sha256sum | sha256sum | cut -d' ' -f1)
}

from_user() {
  if [ -d "$CAFFE_SOURCE" ]; then
    cp -a "$CAFFE_SOURCE/." "$work/tree"
  elif [ -f "$CAFFE_SOURCE" ]; then
    tar -xf "$CAFFE_SOURCE" -C "$work/tree" 2> "$work/log"
  else
    echo "no such file or folder" > "$work/log"
    return 1
  fi
}

from_debian() {
  "$ext/debian_source.sh" "$DEBIAN_SUITE" "$DEBIAN_SOURCE" "$work/apt" \
    > "$work/log" || return 1
  tar -xf "$work/apt"/*.orig.tar.* -C "$work/tree" 2>> "$work/log"
}

from_git() {
  command -v git > /dev/null || { echo "no git here" > "$work/log"; return 1; }
  git -C "$work/tree" init -q &&
    GIT_TERMINAL_PROMPT=0 timeout 600 git -C "$work/tree" fetch -q --depth 1 \
      "$REPOSITORY" "$COMMIT" > "$work/log" 2>&1 &&
    git -C "$work/tree" checkout -q FETCH_HEAD
}

# Some tarballs hold everything in one folder of their own.
unwrap() {
  local inner=("$work/tree"/*)
  [ ${#inner[@]} -eq 1 ] && [ -d "${inner[0]}" ] || return 0
  mv "${inner[0]}" "$work/inner" && rmdir "$work/tree" &&
    mv "$work/inner" "$work/tree"
}

try() {
  local way=$1 name=$2
  rm -rf "$work" && mkdir -p "$work/tree"
  say "trying $name"
  if ! "$way"; then
    say "  not available: $(tail -n 1 "$work/log" 2> /dev/null)"
    return 1
  fi
  unwrap
  mkdir "$work/parts"
  (cd "$work/tree" && cp -a --parents $PARTS "$work/parts" 2>> "$work/log")
  local found
  found=$(parts_sha256 "$work/parts")
  if [ "$found" != "$PARTS_SHA256" ]; then
    say "  refused: its files differ from commit ${COMMIT:0:12}" \
      "(sha256 $found, expected $PARTS_SHA256)"
    return 1
  fi
  echo "$PARTS_SHA256" > "$work/parts/.sha256"
  rm -rf "$build/caffe-pristine"
  mv "$work/parts" "$build/caffe-pristine"
  rm -rf "$work"
  say "taken from $name, checked against commit ${COMMIT:0:12}"
}

fetch() {
  if [ -n "${CAFFE_SOURCE:-}" ]; then
    try from_user "CAFFE_SOURCE=$CAFFE_SOURCE" && return
    fail "CAFFE_SOURCE=$CAFFE_SOURCE is not a clean tree or tarball of Caffe at" \
      "$COMMIT; correct it, or unset it to download the source."
  fi
  try from_debian "Debian's source package ($DEBIAN_SUITE)" && return
  try from_git "git, $REPOSITORY" && return
  fail "no way to get Caffe's source worked. Without a network, get a tarball" \
    "of $REPOSITORY at $COMMIT elsewhere and run: make CAFFE_SOURCE=/path/to/it"
}

patch_tree() {
  rm -rf "$build/caffe.new"
  cp -a "$build/caffe-pristine" "$build/caffe.new"
  for patch in "$ext"/patches/*.patch; do
    patch -s -F0 -p1 -d "$build/caffe.new" < "$patch" ||
      fail "$patch does not apply; it must be made again."
  done
  # What a dropped patch changed back keeps the source's old time; the build must
  # see it all the same.
  [ ! -d "$build/caffe" ] || (cd "$build/caffe.new" && find . -type f |
    while read -r file; do
      cmp -s "$file" "../caffe/$file" || touch "$file"
    done)
  echo "$1" > "$build/caffe.new/.patched"
  rm -rf "$build/caffe"
  mv "$build/caffe.new" "$build/caffe"
  say "$(ls "$ext"/patches/*.patch | wc -l) patches applied"
}

[ "$(cat "$build/caffe-pristine/.sha256" 2> /dev/null)" = "$PARTS_SHA256" ] || fetch
wanted=$(cat "$ext"/patches/*.patch "$build/caffe-pristine/.sha256" | sha256sum)
[ "$(cat "$build/caffe/.patched" 2> /dev/null)" = "$wanted" ] || patch_tree "$wanted"
