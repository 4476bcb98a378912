"""The plugin's own unit tests, run by the headless Neovim they are written for, and the layout of its files."""

import os
import subprocess
from pathlib import Path

from tests.e2e.neovim.editor import PLUGIN, ROOT, clean_environment, nvim_binary


def test_unit_tests(tmp_path: Path) -> None:
    words = [nvim_binary(), "--clean", "-l", str(PLUGIN / "tests" / "run.lua")]
    done = subprocess.run(words, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" passed, 0 failed\n")


def test_a_failing_unit_test_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "run.lua").write_text((PLUGIN / "tests" / "run.lua").read_text())
    (tmp_path / "wrong_spec.lua").write_text("return { wrong = function() equal(1, 2) end }")
    words = [nvim_binary(), "--clean", "-l", str(tmp_path / "run.lua")]
    done = subprocess.run(words, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")


def test_the_layout_is_styluas() -> None:
    script = ROOT / "tests" / "e2e" / "neovim" / "format_lua.mjs"
    done = subprocess.run(["node", str(script)], env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
