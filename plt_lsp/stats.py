"""`plt-lsp stats`: what was offered and used on this machine, as a table or as JSON.

It reads one file, counts nothing itself, and starts no server.
"""

import argparse
import sys
from io import StringIO

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from plt_engine.pack import data_dir
from plt_lsp.statistics import FILE, Total, read_statistics, summary, to_json

EXIT_OK = 0


def main(args: list[str]) -> int:
    """Print the statistics; the exit code is always 0, since having none is no fault."""
    parser = argparse.ArgumentParser(
        prog="plt-lsp stats", description="What was offered and used on this machine, by language and loop count."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(args)
    total = read_statistics(data_dir() / FILE)
    if options.json:
        sys.stdout.write(orjson.dumps(to_json(total), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(as_text(total))
    return EXIT_OK


def as_text(total: Total, width: int | None = None) -> str:
    """The table as plain text; `width` is in columns, None being the terminal's."""
    if not total.counts:
        return "Nothing has been counted yet. Counts stay on this machine; `plt.statistics` turns them off.\n"
    console = Console(width=width, file=StringIO())
    with console.capture() as found:
        console.print(table(total))
    return found.get()


def table(total: Total) -> Table:
    """One row for each language and loop count."""
    heading = f"Completions since {total.since.isoformat()}; counts never leave this machine"
    found = Table(title=heading, box=box.SIMPLE, padding=(0, 1, 0, 0))
    found.add_column("language", no_wrap=True)
    for title in (
        "loops",
        "shown",
        "accepted",
        "share",
        "partly",
        "typed",
        "chars",
        "kept 2 min",
        "ms p50",
        "p95",
        "in budget",
    ):
        found.add_column(title, justify="right")
    for group, counts in sorted(total.counts.items()):
        row = summary(counts)
        share, kept, in_budget = row["acceptedShare"], row["retainedCharacters120s"], row["budgetKeptShare"]
        found.add_row(
            group.language,
            str(group.loops),
            *(str(row[name]) for name in ("shown", "accepted")),
            "–" if share is None else f"{share:.0%}",
            *(str(row[name]) for name in ("partlyAccepted", "typedThrough", "acceptedCharacters")),
            str(kept),
            *("–" if row[name] is None else str(row[name]) for name in ("latencyP50Ms", "latencyP95Ms")),
            "–" if in_budget is None else f"{in_budget:.0%}",
        )
    return found
