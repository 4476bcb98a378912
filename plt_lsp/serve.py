"""`plt-lsp serve`: sets up the log and serves one client on standard input and output.

It does not know features or models.
"""

import argparse
from pathlib import Path

from plt_lsp import logs


def main(args: list[str]) -> int:
    """Serve until the client is done; returns 0 after `shutdown`, 1 where the client left without it."""
    parser = argparse.ArgumentParser(prog="plt-lsp serve", description=__doc__)
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that pass it; there is no other way")
    parser.add_argument("--engine-factory", metavar="MODULE:FUNCTION", help="use another engine (for tests)")
    parser.add_argument("--log-file", type=Path, metavar="FILE", help="log to this file beside standard error")
    options = parser.parse_args(args)
    logs.set_up(options.log_file)
    from plt_lsp.server import serve_stdio

    return serve_stdio(options.engine_factory)
