"""Runs the tests of one module with another text in its place, in a process of its own.

`python refactor_runner.py MODULE FILE CHECK PROFILE`: CHECK is `doctest` or the name of a module of tests. It prints
how many tests ran and which failed; with PROFILE `calls` also the first lines of the functions that were called.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import sys
from types import FrameType


class Instead(importlib.abc.MetaPathFinder):
    """Finds one module in another file."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        loader = importlib.machinery.SourceFileLoader(fullname, self.path)
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


def main(name: str, path: str, check: str, profile: str) -> None:
    sys.dont_write_bytecode = True
    for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[known]
    sys.meta_path.insert(0, Instead(name, path))
    parent, _, last = name.rpartition(".")
    if parent:
        importlib.import_module(parent)
    module = importlib.import_module(name)
    if parent:
        setattr(sys.modules[parent], last, module)
    assert module.__file__ == path, module.__file__
    called: set[int] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == path:
            called.add(frame.f_code.co_firstlineno)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if profile == "calls":
            sys.setprofile(note)
        result = run_doctests(module) if check == "doctest" else run_tests(check)
        sys.setprofile(None)
    print(json.dumps({**result, "called": sorted(called)}))


def run_doctests(module: object) -> dict[str, object]:
    import doctest

    runner = doctest.DocTestRunner(verbose=False)
    tests = doctest.DocTestFinder().find(module)
    failed = [test.name for test in tests if runner.run(test, out=lambda _: None).failed]
    return {"tests": runner.tries, "failed": sorted(failed)}


def run_tests(check: str) -> dict[str, object]:
    import unittest

    suite = unittest.defaultTestLoader.loadTestsFromName(check)
    result = unittest.TestResult()
    suite.run(result)
    failed = [*result.failures, *result.errors, *((test, "") for test in result.unexpectedSuccesses)]
    return {"tests": result.testsRun, "failed": sorted(str(test) for test, _ in failed)}


if __name__ == "__main__":
    main(*sys.argv[1:])
