# Everything runs in .venv inside the clone; `make help` lists the commands.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PYTHON ?= python3
# Interpreted and compiled in the tests, which needs no GPU; it comes alone, so that the torch that is there stays.
TRITON := triton; sys_platform == "linux"

.PHONY: help demo test check e2e clean
.DEFAULT_GOAL := help

help: ## show the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps '$(TRITON)'
	@touch $@

demo: $(STAMP) ## start the server with the model that ships with it, complete real files
	$(PY) -m plt_lsp.cli demo

check: $(STAMP) ## ruff, mypy (strict) and the layer test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_layers.py

test: check ## check, then every test that needs no editor
	$(PY) -m pytest -q -m 'not e2e'

# An editor on a busy machine now and then misses a key: what fails is tried once more, and told of as a rerun.
e2e: $(STAMP) ## drive real editors (needs root or sudo once, for Debian's chromium, tmux and emacs)
	for editor in vscode neovim emacs; do tests/e2e/$$editor/setup.sh || exit 1; done
	$(PY) -m pytest -q --reruns 1 -m 'e2e and network' tests/e2e
	tests/e2e/without_network.sh $(PY) -m pytest -q --reruns 1 -m 'e2e and not network' tests/e2e

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
