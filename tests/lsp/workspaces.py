"""Workspaces for tests and measurements: files that are given, and as many as are wanted that are made up."""

from collections.abc import Mapping
from pathlib import Path

FUNCTIONS_PER_FILE = 8
HEAD = '''"""Module {i} of many."""

import os
from package_{p}.module_{b} import function_{b}_0 as before


class Class{i}:
    """A class."""

    size: int = {i}
'''
FUNCTION = '''

def function_{i}_{k}(first: int, second: str = "x") -> int:
    """Add up {k}."""
    return before(first) + len(second) + {i}
'''


def write(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    return root


def module(i: int, num_functions: int = FUNCTIONS_PER_FILE) -> str:
    """The text of a module that is like no other, with one class and some functions."""
    before = max(0, i - 1)
    head = HEAD.format(i=i, b=before, p=before // 100)
    return head + "".join(FUNCTION.format(i=i, k=k) for k in range(num_functions))


def generate(root: Path, num_files: int) -> Path:
    """A workspace of this many modules in folders of a hundred."""
    for i in range(num_files):
        folder = root / f"package_{i // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"module_{i}.py").write_text(module(i), encoding="utf-8")
    return root
