"""The eglot configuration of editors/README.md in real Emacs: it connects, and its command inserts a suggestion."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.e2e.neovim.editor import ROOT, clean_environment

README = (ROOT / "editors" / "README.md").read_text()
SOURCE = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):"""

DRIVE = """
(require 'package)
(package-initialize)
(load (expand-file-name "eglot-lines.el" default-directory))
(setq eglot-sync-connect 60 eglot-autoshutdown nil)
(find-file "stack.py")
(eglot-ensure)
(run-hooks 'post-command-hook)
(with-timeout (60 (error "eglot did not connect"))
  (while (not (eglot-managed-p)) (accept-process-output nil 0.1)))
(goto-char (point-max))
(plt-complete)
(write-region (point-min) (point-max) "completed.py")
(undo-boundary)
(undo)
(eglot--signal-textDocument/didChange)
(let* ((table (nth 2 (eglot-completion-at-point)))
       (all (all-completions "" table))
       (mark (lambda (item) (plist-get (get-text-property 0 'eglot--lsp-item item) :detail))))
  (message "menu %s" (json-serialize
                      (vconcat (mapcar (lambda (item) (list :label item :detail (funcall mark item))) all)))))
(write-region (point-min) (point-max) "undone.py")
(message "status %s" (json-serialize (jsonrpc-request (eglot-current-server) :plt/status nil)
                                     :false-object :json-false))
(eglot-shutdown (eglot-current-server))
"""


def elisp(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n.*?```elisp\n(.*?)```", README, re.DOTALL | re.MULTILINE)
    assert found, f"editors/README.md has no section {title!r}"
    return found[1]


def emacs() -> str:
    found = shutil.which("emacs")
    assert found, "Emacs is not installed: run tests/e2e/emacs/setup.sh"
    return found


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_the_documented_lines_complete_in_emacs(tmp_path: Path) -> None:
    (tmp_path / "stack.py").write_text(SOURCE)
    (tmp_path / "eglot-lines.el").write_text(elisp("Emacs with eglot"))
    (tmp_path / "drive.el").write_text(DRIVE)
    environment = clean_environment(tmp_path)
    done = subprocess.run(
        [emacs(), "--batch", "-l", "drive.el"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    completed = (tmp_path / "completed.py").read_text()
    assert completed.startswith(SOURCE)
    added = completed[len(SOURCE) :]
    assert added.strip()
    assert 1 <= added.count("\n") <= 3, "the configured maxLines is 4, with the cursor's line among them"
    assert (tmp_path / "undone.py").read_text() == SOURCE
    menu = next(line for line in done.stderr.splitlines() if line.startswith("menu "))
    (item,) = json.loads(menu.removeprefix("menu "))
    assert item["detail"] == "plt-lsp, plt-coder-115m"
    assert added.strip().startswith(item["label"].strip().removesuffix("…"))
    said = next(line for line in done.stderr.splitlines() if line.startswith("status "))
    assert json.loads(said.removeprefix("status "))["counts"]["accepted"] == 1


@pytest.mark.e2e
def test_the_other_editors_lines_can_be_read(tmp_path: Path) -> None:
    for code in re.findall(r"```json\n(.*?)```", README, re.DOTALL):
        assert json.loads(code)
    for code in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        assert tomllib.loads(code)["language-server"]["plt"]["args"] == ["serve"]
    (tmp_path / "lines.el").write_text(elisp("Emacs with lsp-mode (not run)"))
    read = '(with-temp-buffer (emacs-lisp-mode) (insert-file-contents "lines.el") (check-parens))'
    subprocess.run([emacs(), "--batch", "-Q", "--eval", read], cwd=tmp_path, check=True)
