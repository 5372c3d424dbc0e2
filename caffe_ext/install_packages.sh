#!/usr/bin/env bash
# Installs what is missing of debian_packages.txt, or of the list given, with sudo when
# not root.
set -euo pipefail
packages=$(grep -v '^#' "${1:-$(dirname "$0")/debian_packages.txt}")

if ! command -v apt-get > /dev/null; then
  echo "packages: error: there is no apt here. Install what your system calls" \
    "these, then run: make PACKAGES=present" >&2
  echo "$packages" >&2
  exit 1
fi

missing=()
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2> /dev/null |
    grep -q '^install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all $(wc -w <<< "$packages") are installed"
  exit 0
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=sudo
  command -v sudo > /dev/null || {
    echo "packages: error: neither root nor sudo; ask an administrator to run:" \
      "apt-get install ${missing[*]}" >&2
    exit 1
  }
fi
echo "packages: installing ${#missing[@]}: ${missing[*]}"
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
