"""`plt-lsp serve`: sets up the log and serves one client on standard input and output.

It does not know features or models.
"""

import argparse
import logging
import sys
from pathlib import Path

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(args: list[str]) -> int:
    """Serve until the client is done; returns 0 after `shutdown`, 1 where the client left without it."""
    parser = argparse.ArgumentParser(prog="plt-lsp serve", description=__doc__)
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that pass it; there is no other way")
    parser.add_argument("--engine-factory", metavar="MODULE:FUNCTION", help="use another engine (for tests)")
    parser.add_argument("--log-file", type=Path, metavar="FILE", help="append the log to a file, not to standard error")
    options = parser.parse_args(args)
    set_up_log(options.log_file)
    from plt_lsp.server import serve_stdio

    return serve_stdio(options.engine_factory)


def set_up_log(file: Path | None) -> None:
    """Log to standard error or a file; pygls only where it failed, since it logs whole messages and so the user's code.

    Raises:
        OSError: the file cannot be written.
    """
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format=LOG_FORMAT)
    logging.getLogger("plt_lsp").setLevel(logging.INFO)
    logging.getLogger("pygls").setLevel(logging.ERROR)
