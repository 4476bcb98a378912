"""A process of its own in which Triton interprets kernels on a CPU, and calls into it; the tests' own process does not.

The variable must be set before triton is imported, and would slow down or change whatever else uses triton. In that
process every tensor that torch leaves uninitialised is full of NaN, so that what no program writes is seen.
"""

import importlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import torch

ROOT = Path(__file__).parents[2]
OWN_VARIABLES = {"TRITON_INTERPRET": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Interpreter:
    """Calls functions by name, `module:function`, in the interpreting process."""

    def __init__(self) -> None:
        paths = os.pathsep.join(str(ROOT / part) for part in (".", "engine", "kernels"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kernels.interpreter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **OWN_VARIABLES, "PYTHONPATH": paths},
        )

    def call(self, function: str, *args: Any, **options: Any) -> Any:
        """The function's result; raises what it raises."""
        return self.call_in_place(function, *args, **options)[0]

    def call_in_place(self, function: str, *args: Any, **options: Any) -> tuple[Any, tuple[Any, ...]]:
        """The function's result and its arguments as it left them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        send((function, args, options), self._process.stdin)
        error, result, args = receive(self._process.stdout)
        if error is not None:
            raise error
        return result, args

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def send(message: Any, stream: IO[bytes]) -> None:
    buffer = io.BytesIO()
    torch.save(message, buffer)  # pickle alone knows no float8
    stream.write(len(buffer.getbuffer()).to_bytes(8, "little"))
    stream.write(buffer.getbuffer())
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    length = stream.read(8)
    if not length:
        raise EOFError
    return torch.load(io.BytesIO(stream.read(int.from_bytes(length, "little"))), weights_only=False)


def serve() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # which also fills what torch.empty returns with NaN
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            function, args, options = receive(sys.stdin.buffer)
        except EOFError:
            return
        module, name = function.split(":")
        try:
            answer = None, getattr(importlib.import_module(module), name)(*args, **options), args
        except Exception as error:
            answer = error, None, args
        send(answer, answers)


if __name__ == "__main__":
    serve()
