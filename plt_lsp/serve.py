"""`plt-lsp serve`: sets up the log and serves one client on standard input and output.

It does not know features or models.
"""

import argparse
import logging
import sys

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(args: list[str]) -> int:
    """Serve until the client is done; returns 0 after `shutdown`, 1 where the client left without it."""
    parser = argparse.ArgumentParser(prog="plt-lsp serve", description=__doc__)
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that pass it; there is no other way")
    parser.add_argument("--engine-factory", metavar="MODULE:FUNCTION", help="use another engine (for tests)")
    options = parser.parse_args(args)
    set_up_log()
    from plt_lsp.server import serve_stdio

    return serve_stdio(options.engine_factory)


def set_up_log() -> None:
    """Log to standard error; pygls only where it failed, since it writes messages, and with them code, into its log."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=LOG_FORMAT)
    logging.getLogger("plt_lsp").setLevel(logging.INFO)
    logging.getLogger("pygls").setLevel(logging.ERROR)
