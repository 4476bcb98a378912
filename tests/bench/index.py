"""The index's speed and cost: a workspace that is made up, and an installed package, each indexed by a real process.

First the correctness gate, for each: as many files are held as belong, and what the last of them defines is found. All
times are those of a process with the priority that users' have, unless it is given another one.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from plt_engine.pack import DATA_DIR_VARIABLE
from plt_lsp.index.belonging import Belonging, Rules
from plt_lsp.index.client import FolderIndex, IndexOptions
from plt_lsp.index.messages import NICENESS, IndexState
from plt_lsp.index.places import database_of
from tests.bench.server import percentile
from tests.lsp.workspaces import generate, module

POLL_S = 0.001
# Of a hundred files, so many change with a switch of branches.
SWITCHED_SHARE = 0.2


async def until(condition: Callable[[], bool]) -> float:
    """Seconds until something holds."""
    started = time.perf_counter()
    while not condition():  # noqa: ASYNC110  (what is awaited happens in another process)
        await asyncio.sleep(POLL_S)
    return time.perf_counter() - started


async def ready(index: FolderIndex) -> float:
    seconds = await until(lambda: index.report.state in (IndexState.READY, IndexState.FAILED))
    assert index.report.state is IndexState.READY, "the index's process did not live; see what it said above"
    return seconds


def gate(index: FolderIndex, options: IndexOptions) -> int:
    """The number of files, after a look at whether they are all there; raises AssertionError where they are not."""
    walk = Belonging(index.root, options.rules).walk()
    belonging = {file.path for file in islice(walk, options.rules.max_files)}
    held = set(index.reader._rows("SELECT path FROM files", (), lambda row: row[0]))
    assert held == belonging, f"{len(held ^ belonging)} files are held that do not belong, or belong and are not held"
    return index.reader.num_files()


async def save_ms(index: FolderIndex, rounds: int) -> list[float]:
    """From the save of a file to when a question finds what was saved."""
    times = []
    file = index.root / "saved_by_the_bench.py"
    for i in range(rounds):
        file.write_text(f"{module(i)}\n\ndef saved_{i}():\n    pass\n", encoding="utf-8")
        times.append(1e3 * await until(lambda i=i: bool(index.reader.definitions_named(f"saved_{i}"))))
    file.unlink()
    await until(lambda: index.reader.file(file.name) is None)
    return times


async def switch_s(index: FolderIndex, num_files: int) -> float:
    """From a switch of branches to when the index agrees with the files."""
    changed = [i for i in range(num_files) if i % 100 < 100 * SWITCHED_SHARE]
    for i in changed:
        path = index.root / f"package_{i // 100}" / f"module_{i}.py"
        path.write_text(module(i).replace("function", "switched"), encoding="utf-8")
    names = [f"switched_{i}_0" for i in (changed[0], changed[len(changed) // 2], changed[-1])]
    return await until(
        lambda: index.report.state is IndexState.READY and all(map(index.reader.definitions_named, names))
    )


def question_us(index: FolderIndex, name: str, rounds: int = 200) -> float:
    started = time.perf_counter()
    for _ in range(rounds):
        index.reader.definitions_named(name, near=("package_0/module_1.py",))
    return (time.perf_counter() - started) / rounds * 1e6


async def measure(root: Path, options: IndexOptions, rounds: int, num_generated: int) -> dict[str, Any]:
    """Every figure of one workspace, by its name."""
    index = FolderIndex(root, options, lambda: None)
    index.start()
    seconds = await ready(index)
    num_files = gate(index, options)
    found: dict[str, Any] = {"files": num_files, "first index s": seconds, "files per second": num_files / seconds}
    if num_generated:
        saves = await save_ms(index, rounds)
        found |= {"save p50 ms": percentile(saves, 0.5), "save p95 ms": percentile(saves, 0.95)}
        found["switch of branches s"] = await switch_s(index, num_generated)
        found["question us"] = question_us(index, f"function_{num_generated - 1}_0")
    else:
        found["question us"] = question_us(index, "__init__")
    peak = index.report.max_rss_bytes
    await index.close()
    again = FolderIndex(root, options, lambda: None)
    again.start()
    found["start with nothing new s"] = await ready(again)
    await again.close()
    found["peak memory MB"] = peak / 1e6
    found["database MB"] = sum(file.stat().st_size for file in database_of(index.root).parent.iterdir()) / 1e6
    return found


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"--package {name}: there is no such package here; name one that is installed")
    return Path(spec.origin).parent


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench index", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many files are made up")
    parser.add_argument("--package", default="transformers", help="an installed package to index, or `` for none")
    parser.add_argument("--max-package-files", type=int, default=50_000, help="no more of its files than these")
    parser.add_argument("--rounds", type=int, default=20, help="how many saves")
    parser.add_argument("--niceness", type=int, default=NICENESS)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="plt-index-"))
    os.environ[DATA_DIR_VARIABLE] = str(folder / "data")
    results: dict[str, dict[str, Any]] = {}
    try:
        made_up = generate(folder / "workspace", options.files)
        kept = IndexOptions(niceness=options.niceness)
        results["made up"] = asyncio.run(measure(made_up, kept, options.rounds, options.files))
        if options.package:
            kept = IndexOptions(Rules(max_files=options.max_package_files), niceness=options.niceness)
            package = package_folder(options.package)
            results[options.package] = asyncio.run(measure(package, kept, options.rounds, 0))
    finally:
        shutil.rmtree(folder)
    show(results)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table(title=f"the index, on {os.cpu_count()} cores")
    table.add_column("figure")
    for name in results:
        table.add_column(name, justify="right")
    for figure in dict.fromkeys(figure for found in results.values() for figure in found):
        cells = [found.get(figure) for found in results.values()]
        table.add_row(figure, *("" if cell is None else f"{cell:,.4g}" for cell in cells))
    Console().print(table)
