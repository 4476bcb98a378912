"""What every evaluation's command needs: which loop counts are measured, how far it is, and where the figures go.

It does not know what is measured.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from plt_engine.errors import LoopCountError
from plt_engine.evaluation.measure import Advance
from plt_engine.pack import load_pack


def loop_counts(folder: Path, wanted: Sequence[int] | None, *, is_forced: bool) -> tuple[int, ...]:
    """The loop counts to measure a pack at: those that are wanted, or all that it has evidence for.

    Raises:
        LoopCountError: one has no evidence and is not forced.
    """
    supported = load_pack(folder).manifest.loop_counts
    for loops in wanted or supported:
        if loops not in supported and not is_forced:
            raise LoopCountError(
                f"The pack {folder.name} supports the loop counts {supported}, not {loops}. For research, "
                "--force-loops measures it all the same, and says so."
            )
    return tuple(wanted or supported)


@contextmanager
def bar(title: str, steps: int) -> Iterator[Advance]:
    """Shows a bar while something is done in so many steps, each of which advances it."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=steps)
        yield lambda: progress.advance(task)


def publish(table: str, data: Mapping[str, Any], json_file: Path | None, markdown_file: Path | None) -> None:
    """Print a table of figures, and write them as JSON and as Markdown where there is a file for it."""
    sys.stdout.write(table)
    if json_file is not None:
        json_file.write_text(json.dumps(data, indent=1), encoding="utf-8")
    if markdown_file is not None:
        markdown_file.write_text(table, encoding="utf-8")
