"""Where the log goes, and what stands on each of its lines: the time, the request and its age in milliseconds.

Source text is logged at no level above DEBUG. It does not know what is logged.
"""

import contextlib
import contextvars
import logging
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from plt_engine.pack import DATA_DIR_VARIABLE

FORMAT = "%(asctime)s %(levelname)s [%(request)s] %(name)s: %(message)s"
FILE = "server.log"
MAX_FILE_BYTES = 1_000_000
NUM_OLD_FILES = 3
NO_REQUEST = "-"

_LINE = re.compile(
    r"(?P<when>\S+ \S+) (?P<level>WARNING|ERROR|CRITICAL) \[(?P<request>[^]]*)\] (?P<name>\S+): (?P<text>.*)"
)


@dataclass(frozen=True, slots=True)
class _Request:
    id: object
    started_s: float


_request: contextvars.ContextVar[_Request | None] = contextvars.ContextVar("request", default=None)


@dataclass(frozen=True, slots=True)
class LoggedError:
    """A warning or an error of the log: when, and what it says."""

    when: str
    level: str
    text: str


def log_dir() -> Path:
    """The folder of the logs: beside the data where its place is chosen, else the platform's place for logs."""
    override = os.environ.get(DATA_DIR_VARIABLE)
    return Path(override) / "logs" if override else Path(platformdirs.user_log_path("plt-lsp"))


def set_up(file: Path | None) -> None:
    """Log to standard error, which editors show, and to a file that is rotated; both have the same lines.

    pygls only says where it failed, since it logs whole messages and so the user's code.

    Args:
        file: the file, or None for the one in `log_dir()`. One that cannot be written is said once, and done without.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    path = file or log_dir() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(path, maxBytes=MAX_FILE_BYTES, backupCount=NUM_OLD_FILES, encoding="utf-8"))
    except OSError as error:
        sys.stderr.write(f"plt-lsp: the log file {path} cannot be written ({error}); the log is here alone.\n")
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in handlers:
        handler.addFilter(_add_request)
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
    logging.getLogger("plt_lsp").setLevel(logging.INFO)
    logging.getLogger("pygls").setLevel(logging.ERROR)


@contextlib.contextmanager
def request(request_id: object) -> Iterator[None]:
    """Everything that is logged inside, also by what it awaits, belongs to this request."""
    token = _request.set(_Request(request_id, time.monotonic()))
    try:
        yield
    finally:
        _request.reset(token)


def last_errors(num: int) -> list[LoggedError]:
    """The newest warnings and errors of the log file, the newest last; none where there is no file."""
    found: deque[LoggedError] = deque(maxlen=num)
    try:
        with (log_dir() / FILE).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if match := _LINE.match(line):
                    found.append(LoggedError(match["when"], match["level"], match["text"]))
    except OSError:
        return []
    return list(found)


def _add_request(record: logging.LogRecord) -> bool:
    current = _request.get()
    age_ms = 0.0 if current is None else (time.monotonic() - current.started_s) * 1e3
    record.request = NO_REQUEST if current is None else f"{current.id} +{age_ms:.0f} ms"
    return True
