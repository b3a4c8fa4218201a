#!/usr/bin/env bash
# Switches languages to the versions that CODEX_ENV_<LANGUAGE>_VERSION ask for.
#
#   versions/<language>/<version>   what there is: a folder, or a link to one, with `bin` in it. Of what
#                                   Debian installed below /usr the `bin` is empty.
#   current/<language>              a link to the one in use
#
# `20` and `20.19` ask for the newest there is of that; what fits already stays. What is not there is
# fetched: Node from the npm registry, the others by mise. Says what is used in the end, and in a sentence
# what can't be had, with what is there instead; then it ends with 1, the other languages switched.
set -euo pipefail

root=${CODEX_UNIVERSAL_ROOT:-/opt/codex}
versions=$root/versions
current=$root/current
languages='python node rust go swift ruby php java'

installed() {
  [ -d "$versions/$1" ] || return 0
  local path
  for path in "$versions/$1"/*; do [ ! -e "$path" ] || basename "$path"; done | sort -V
}

in_use() {
  [ ! -L "$current/$1" ] || basename "$(readlink "$current/$1")"
}

# fits HAVE WANTED: 20.19.5 is a 20 and a 20.19, and no 2.
fits() {
  [ "$1" = "$2" ] || [[ $1 == "$2".* ]]
}

newest_installed() {
  local version found=
  for version in $(installed "$1"); do if fits "$version" "$2"; then found=$version; fi; done
  printf '%s' "$found"
}

use() {
  mkdir -p "$current"
  ln -sfn "$versions/$1/$2" "$current/$1"
}

# The fetchers set `got` to the version that is in `versions` then, or `why` and fail.
got='' why=''

last_line() {
  sed '/^[[:space:]]*$/d' <<< "$1" | tail -n "${2:-1}" | cut -c -300 | paste -sd ' '
}

fetch_node() {
  local wanted=$1 arch scratch said package
  if [[ ! $wanted =~ ^[0-9]+(\.[0-9]+){0,2}$ ]]; then
    why='a version of Node is a number such as 22 or 22.11.0'
    return 1
  fi
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) why="there is none for $(uname -m)"; return 1 ;; esac
  scratch=$(mktemp -d)
  package=$scratch/node_modules/node-linux-$arch
  if said=$(npm install --prefix "$scratch" --no-save --no-audit --no-fund --ignore-scripts \
              --loglevel=error "node-linux-$arch@$wanted" 2>&1) \
      && got=$("$package/bin/node" --version 2>&1) && got=${got#v} && fits "$got" "$wanted"; then
    mkdir -p "$versions/node/$got"
    cp -R "$package/bin" "$package/include" "$versions/node/$got/"
    rm -rf "$scratch"
  else
    rm -rf "$scratch"
    why="npm, asked for node-linux-$arch@$wanted, said: $(last_line "$said" 4)"
    return 1
  fi
}

fetch_by_mise() {
  local language=$1 wanted=$2 said dir path
  if ! command -v mise > /dev/null; then
    why='mise is not installed'
    return 1
  fi
  # Not in the repository, whose settings would count too.
  if ! said=$(cd / && mise install --yes "$language@$wanted" 2>&1); then
    why="mise said: $(grep -m 1 'Failed to install' <<< "$said" || last_line "$said")"
    return 1
  fi
  if [ "$language" = rust ]; then
    # mise leaves Rust to rustup, which keeps each toolchain in a folder of its own.
    dir=
    for path in "${MISE_RUSTUP_HOME:-$HOME/.rustup}/toolchains/$wanted"*; do
      if [ -d "$path/bin" ]; then dir=$path; fi
    done
    got=$("$dir/bin/rustc" --version | cut -d ' ' -f 2) || got=
  else
    dir=$(cd / && mise where "$language@$wanted" 2> /dev/null) && dir=$(realpath "$dir") || dir=
    got=$(basename "$dir")
  fi
  if [ "$language" = swift ] && [ -d "$dir/usr/bin" ]; then dir=$dir/usr; fi
  if [ -z "$got" ] || [ ! -d "$dir/bin" ]; then
    why='mise installed it where it can’t be found'
    return 1
  fi
  # The system's authorities, and with them the one of the internet proxy.
  if [ "$language" = java ] && [ -s /etc/ssl/certs/java/cacerts ] && [ -e "$dir/lib/security/cacerts" ]; then
    ln -sfn /etc/ssl/certs/java/cacerts "$dir/lib/security/cacerts"
  fi
  mkdir -p "$versions/$language"
  ln -sfn "$dir" "$versions/$language/$got"
}

fetch() {
  case $1 in
    node) fetch_node "$2" ;;
    php) why='other versions of PHP would have to be compiled'; return 1 ;;
    *) fetch_by_mise "$1" "$2" ;;
  esac
}

switch() {
  local language=$1 wanted=$2 now version there
  if [[ ! $wanted =~ ^[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}$ ]]; then
    echo "$language: “${wanted:0:40}” is no version." >&2
    return 1
  fi
  if [[ $wanted =~ ^v[0-9] ]]; then wanted=${wanted#v}; fi
  now=$(in_use "$language")
  if [ -n "$now" ] && fits "$now" "$wanted"; then
    echo "$language $now is in use."
    return
  fi
  version=$(newest_installed "$language" "$wanted")
  if [ -z "$version" ]; then
    echo "$language $wanted is not in the image and is fetched …"
    if fetch "$language" "$wanted"; then version=$got; else
      there=$(installed "$language" | paste -sd ' ' | sed 's/ /, /g')
      echo "$language $wanted can’t be had here: $why. There is ${there:-none in the image}." >&2
      return 1
    fi
  fi
  use "$language" "$version"
  echo "$language $version is in use${now:+, and no longer $now}."
}

failed=0
for language in $languages; do
  name=CODEX_ENV_${language^^}_VERSION
  if [ -n "${!name:-}" ]; then switch "$language" "${!name}" || failed=1; fi
done
exit $failed
