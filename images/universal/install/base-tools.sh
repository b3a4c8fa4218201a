#!/usr/bin/env bash
# Part of the image's build: Node, npm, corepack with pnpm and yarn, and mise, from the npm registry; and a
# place among /opt/codex/versions for what Debian installed.
set -euo pipefail

ca=/etc/ssl/certs/ca-certificates.crt
if [ -s /tmp/build/ca.pem ]; then ca=/tmp/build/ca.pem; fi
export NODE_EXTRA_CA_CERTS=$ca npm_config_cafile=$ca npm_config_registry=$NPM_REGISTRY
export npm_config_cache=/tmp/npm npm_config_update_notifier=false
case $(dpkg --print-architecture) in amd64) arch=x64 ;; arm64) arch=arm64 ;; *) exit 1 ;; esac
get() { curl -fsSL --retry 3 --cacert "$ca" "$NPM_REGISTRY/$1"; }

# npm for all versions of Node. It needs a Node to fetch the others with.
modules=/usr/local/lib/node_modules
mkdir -p $modules/npm $modules/corepack /tmp/node
get "npm/-/npm-$NPM_VERSION.tgz" | tar -xz -C $modules/npm --strip-components=1
get "corepack/-/corepack-$COREPACK_VERSION.tgz" | tar -xz -C $modules/corepack --strip-components=1
ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
for name in corepack pnpm pnpx yarn yarnpkg; do ln -s ../lib/node_modules/corepack/dist/$name.js /usr/local/bin/$name; done
chmod 755 $modules/npm/bin/*-cli.js $modules/corepack/dist/*.js

first=$(get "node-linux-$arch" | jq -r --arg major "${NODE_VERSIONS%% *}." \
  '.versions | keys[] | select(startswith($major))' | sort -V | tail -n 1)
get "node-linux-$arch/-/node-linux-$arch-$first.tgz" | tar -xz -C /tmp/node --strip-components=1
mkdir -p "/opt/codex/versions/node/$first" /opt/codex/current
cp -R /tmp/node/bin /tmp/node/include "/opt/codex/versions/node/$first/"
ln -s "/opt/codex/versions/node/$first" /opt/codex/current/node
# For whoever asks for it with a PATH of their own.
ln -s /opt/codex/current/node/bin/node /usr/local/bin/node
for version in $NODE_VERSIONS; do CODEX_ENV_NODE_VERSION=$version bash --login /opt/codex/setup_universal.sh; done
CODEX_ENV_NODE_VERSION=$first bash --login /opt/codex/setup_universal.sh

. /etc/profile.d/codex-universal.sh
export COREPACK_NPM_REGISTRY=$NPM_REGISTRY
for version in $YARNS; do corepack install --global "yarn@$version"; done
corepack install --global "pnpm@$PNPM"

get "@jdxcode/mise-linux-$arch/-/mise-linux-$arch-$MISE_VERSION.tgz" | tar -xz -C /tmp package/bin/mise package/LICENSE
install -m 755 /tmp/package/bin/mise /usr/local/bin/mise
install -m 644 -D /tmp/package/LICENSE /usr/local/share/licenses/mise/LICENSE

of_debian() { # LANGUAGE VERSION: found below /usr, so nothing of it goes before /usr/local in the PATH.
  mkdir -p "/opt/codex/versions/$1/$2/bin"
  ln -s "/opt/codex/versions/$1/$2" "/opt/codex/current/$1"
}
of_debian python "$(python3 -c 'import platform; print(platform.python_version())')"
of_debian go "$(go env GOVERSION | sed 's/^go//')"
of_debian rust "$(rustc --version | cut -d ' ' -f 2)"
of_debian ruby "$(ruby -e 'print RUBY_VERSION')"
of_debian php "$(php -r 'echo PHP_VERSION;' | cut -d - -f 1)"
mkdir -p /opt/codex/versions/java
for home in /usr/lib/jvm/java-*-openjdk-*; do
  version=$("$home/bin/java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.version = //p')
  ln -s "$home" "/opt/codex/versions/java/$version"
done
ln -s "/opt/codex/versions/java/$(ls /opt/codex/versions/java | sort -V | head -n 1)" /opt/codex/current/java

rm -rf /tmp/npm /tmp/node /tmp/package ~/.npm ~/.cache ~/.local
