"""Runs a command line of the engine's in a process of its own, so that this one never loads what a model needs.

It does not know what the command does.
"""

import subprocess
import sys
from collections.abc import Sequence


def run_in_engine(module: str, words: Sequence[str]) -> int:
    """Run a module of the engine's with these words, on this process's own streams; returns its exit code."""
    return subprocess.call([sys.executable, "-P", "-m", module, *words])
