#!/usr/bin/env bash
# Tries everything that the image says it has, in every version that is installed and in every combination
# of versions, with no need of a network; prints a table and ends with 1 if anything is not as it should be.
# Runs when the image is built, and any time later.
set -uo pipefail

root=/opt/codex
scratch=$(mktemp -d)
failed=0
good=0

row() { printf '%-8s %-10s %-22s %s\n' "$@"; }

# As a task's commands find it: a login shell, and nothing in its environment.
shell() {
  (cd "$scratch" && env -i HOME="$scratch/home" LANG=C.UTF-8 TERM=dumb CI=1 bash --login -c "set -euo pipefail; $1" 2>&1)
}

# try LANGUAGE WHAT SCRIPT [EXPECTED]: the script goes well, and prints what is expected.
try() {
  local said status
  rm -rf "${scratch:?}/work"
  mkdir -p "$scratch/home" "$scratch/work"
  said=$(shell "cd work; $3")
  status=$?
  if [ $status -eq 0 ] && [[ $said == *"${4:-}"* ]]; then
    good=$((good + 1))
    row ok "$1" "$2" "$(head -n 1 <<< "$said" | cut -c -90)"
  else
    failed=$((failed + 1))
    row FAILED "$1" "$2" "exit code $status${4:+, and not “$4”}:"
    sed 's/^/         /' <<< "$said"
  fi
}

shown() {
  case $1 in
    node) echo 'node --version' ;;
    python) echo 'python --version; python3 --version' ;;
    rust) echo 'rustc --version' ;;
    go) echo 'GOTOOLCHAIN=local go version' ;;
    swift) echo 'swift --version' ;;
    ruby) echo 'ruby --version' ;;
    php) echo 'php --version' ;;
    java) echo 'java --version; javac --version' ;;
  esac
}

# What someone does first in the language.
program() {
  case $1 in
    node)
      try node npm 'npm --version'
      try node pnpm 'pnpm --version' 10.
      try node yarn 'yarn --version' 1.22
      try node 'a program' "echo 'console.log([1, 2].at(-1), require(\"node:crypto\").randomUUID().length)' > a.js; node a.js" '2 36'
      try node 'a native addon' "echo '{\"targets\":[{\"target_name\":\"a\",\"sources\":[\"a.c\"]}]}' > binding.gyp
        printf '#include <node_api.h>\nNAPI_MODULE_INIT() { napi_value v; napi_create_uint32(env, 42, &v); return v; }\n' > a.c
        node /usr/local/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js rebuild > log 2>&1 || { cat log; exit 1; }
        node -p 'require(\"./build/Release/a.node\")'" 42
      ;;
    python)
      try python 'a program' "python -c 'import bz2, ctypes, lzma, readline, sqlite3, ssl, zlib; print(ssl.OPENSSL_VERSION)'" OpenSSL
      try python 'a virtual environment' 'python3 -m venv v; v/bin/pip --version' "$scratch/work/v"
      ;;
    rust)
      try rust 'a program' 'cargo init -q --vcs none --name a . && cargo run -q --offline' 'Hello, world!'
      try rust 'clippy, rustfmt' 'cargo init -q --vcs none --name a . && cargo clippy -q --offline && cargo fmt --check && cargo clippy --version' clippy
      ;;
    go)
      try go 'a program, vet' "export GOTOOLCHAIN=local GOFLAGS=-mod=mod; go mod init a 2> /dev/null
        printf 'package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(6 * 7) }\n' > a.go; go vet ./...; go run ." 42
      ;;
    java)
      try java 'a program' "echo 'class A { public static void main(String[] a) { System.out.println(6 * 7); } }' > A.java; javac A.java; java A" 42
      try java Maven 'mvn --version' "Apache Maven"
      ;;
    ruby)
      try ruby 'a program' "ruby -ropenssl -rjson -rpsych -e 'puts JSON.dump([OpenSSL::VERSION])'" '["'
      try ruby bundler 'bundle --version' Bundler
      ;;
    php)
      try php 'a program' "php -r 'echo json_encode([extension_loaded(\"mbstring\"), extension_loaded(\"curl\"), extension_loaded(\"pdo_sqlite\")]);'" '[true,true,true]'
      try php composer 'composer --version --no-ansi' Composer
      ;;
    swift) try swift 'a program' "echo 'print(6 * 7)' > a.swift; swiftc a.swift -o a; ./a" 42 ;;
  esac
}

languages=$(cd $root/versions && ls)
before=$(cd $root/current && for language in *; do echo "$language $(readlink "$language")"; done)

switch() { # LANGUAGE VERSION
  env "CODEX_ENV_${1^^}_VERSION=$2" bash --login $root/setup_universal.sh > "$scratch/switch" 2>&1 && return
  failed=$((failed + 1))
  row FAILED "$1" "switch to $2" "$(tail -n 1 "$scratch/switch")"
}

for language in $languages; do
  for version in $(ls $root/versions/$language | sort -V); do
    switch "$language" "$version"
    try "$language" "version $version" "$(shown "$language")" "${version##*-}"
    program "$language"
  done
done

# Every combination: no switch may undo another one.
combined=0
combine() { # LANGUAGE…: the rest; `chosen` is what was chosen so far.
  if [ $# -eq 0 ]; then
    local language version said
    while read -r language version; do
      said=$(shell "$(shown "$language")")
      if [[ $said != *"${version##*-}"* ]]; then
        failed=$((failed + 1))
        row FAILED "$language" "combination" "$chosen: $said"
      fi
    done <<< "${chosen//,/$'\n'}"
    combined=$((combined + 1))
    return
  fi
  local language=$1 version so_far=${chosen:-}
  shift
  for version in $(ls "$root/versions/$language"); do
    switch "$language" "$version"
    chosen="$so_far${so_far:+,}$language $version"
    combine "$@"
  done
  chosen=$so_far
}
several=$(for language in $languages; do [ "$(ls $root/versions/$language | wc -l)" -lt 2 ] || echo "$language"; done)
chosen=
# shellcheck disable=SC2086
if [ -n "$several" ]; then combine $several; row ok '' "$combined combinations" "of $(paste -sd ' ' <<< "$several")"; fi
while read -r language target; do ln -sfn "$target" "$root/current/$language"; done <<< "$before"

try C gcc "printf '#include <openssl/ssl.h>\n#include <stdio.h>\nint main(void) { puts(OPENSSL_VERSION_TEXT); }\n' > a.c; gcc a.c -lssl -lcrypto -o a; ./a" OpenSSL
try C++ 'clang, cmake, ninja' "printf '#include <iostream>\nint main() { std::cout << 6 * 7; }\n' > a.cpp
  printf 'cmake_minimum_required(VERSION 3.20)\nproject(a CXX)\nadd_executable(a a.cpp)\n' > CMakeLists.txt
  CXX=clang++ cmake -G Ninja -B b . > log; ninja -C b >> log; b/a" 42
try python poetry 'poetry --version' Poetry
try python pipenv 'pipenv --version' pipenv
try python pytest "echo 'def test_a(): assert True' > test_a.py; pytest -q" '1 passed'
try python 'pip beside Debian' "python -c \"
import zipfile
wheel = zipfile.ZipFile('codex_verify-1-py3-none-any.whl', 'w')
info = 'codex_verify-1.dist-info/'
for name, text in [('codex_verify.py', 'ANSWER = 42'), (info + 'METADATA', 'Metadata-Version: 2.1\\nName: codex-verify\\nVersion: 1\\n'),
                   (info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'), (info + 'RECORD', '')]:
    wheel.writestr(name, text)
wheel.close()\"
  pip install -q --no-index ./*.whl 2> log || { cat log; exit 1; }
  python -c 'import codex_verify; print(codex_verify.ANSWER)'; pip uninstall -q -y codex-verify 2> log" 42
try node corepack 'corepack --version'
try node 'yarn of a project' "echo '{\"packageManager\":\"yarn@$(ls $root/corepack/v1/yarn | grep ^4)\"}' > package.json; yarn --version" 4.
try java gradle 'gradle --version --offline 2> /dev/null | grep ^Gradle' Gradle
try '' 'git, git-lfs' 'git init -q . && git lfs track "*.bin" && git lfs version' git-lfs
try '' sqlite3 "sqlite3 a.db 'create table t (a); insert into t values (42); select a from t'" 42
for tool in bash black bzip2 ccache clang-format curl fd file gdb isort jq less lsof make mise mypy patch pipx pkg-config \
  ps rg rsync ssh tree unzip wget xz zip zstd; do
  case $tool in ssh) how='ssh -V' ;; unzip) how='unzip -v' ;; lsof) how='lsof -v 2>&1 | grep revision' ;; bzip2) how='bzip2 --help 2>&1' ;; isort) how='isort --version | grep VERSION' ;; *) how="$tool --version" ;; esac
  try '' "$tool" "$how"
done

while IFS=$'\t' read -r tool why; do row 'left out' '' "$tool" "$why"; done < $root/left-out
for language in swift; do
  [ -d $root/versions/$language ] || row 'left out' "$language" '' 'no version is in the image; fetched when one is chosen, where swift.org is reachable'
done
rm -rf "$scratch"
echo "$good checks are good, $failed failed, $(wc -l < $root/left-out) tools were left out."
[ $failed -eq 0 ]
