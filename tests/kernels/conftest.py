"""The interpreting process that the tests of the Triton kernels share, and the word where there is no triton."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.kernels.interpreter import Interpreter

HAS_TRITON = importlib.util.find_spec("triton") is not None
collect_ignore_glob = [] if HAS_TRITON else ["test_triton_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not HAS_TRITON:
        terminalreporter.write_line("NOT COLLECTED tests/kernels/test_triton_*.py: triton is not installed here.")


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Interpreter]:
    process = Interpreter()
    yield process
    process.close()
