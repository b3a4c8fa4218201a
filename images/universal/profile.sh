# Read by login shells, so it may be read by another shell than bash. The versions in use are what the
# links in /opt/codex/current lead to: a switch needs no new shell.
codex_path=
for codex_language in node python rust go java ruby php swift; do
  codex_path=$codex_path/opt/codex/current/$codex_language/bin:
done
case $PATH in
  "$codex_path"*) ;;
  *) PATH=$codex_path${HOME:-/root}/.local/bin:${HOME:-/root}/.cargo/bin:${HOME:-/root}/go/bin:$PATH ;;
esac
unset codex_path codex_language
export PATH
export JAVA_HOME=/opt/codex/current/java
# Debian's Go stays what it is; a go.mod that asks for a newer one gets it.
export GOTOOLCHAIN=auto
# Compilers of native addons find Node's headers without a network.
export npm_package_config_node_gyp_nodedir=/opt/codex/current/node
# The pnpm and yarn that a project asks for, from the npm registry; without a wish, those of the image.
export COREPACK_HOME=/opt/codex/corepack
export COREPACK_ENABLE_DOWNLOAD_PROMPT=0 COREPACK_DEFAULT_TO_LATEST=0 COREPACK_ENABLE_AUTO_PIN=0
export COREPACK_NPM_REGISTRY="${COREPACK_NPM_REGISTRY:-https://registry.npmjs.org}"
# Root is who works in here.
export COMPOSER_ALLOW_SUPERUSER=1 PIP_ROOT_USER_ACTION=ignore BUNDLE_SILENCE_ROOT_WARNING=1
export MISE_DATA_DIR=/opt/codex/mise
export MISE_RUSTUP_HOME=/opt/codex/rustup MISE_CARGO_HOME=/opt/codex/cargo
