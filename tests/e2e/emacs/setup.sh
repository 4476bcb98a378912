#!/usr/bin/env bash
# Installs what the Emacs test drives: Debian's Emacs and eglot. What is there already is left as it is.
set -euo pipefail
if dpkg --status emacs-nox elpa-eglot >/dev/null 2>&1; then
  exit 0
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends emacs-nox elpa-eglot
