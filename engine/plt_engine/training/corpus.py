"""The corpus: from the manifest's packages to training windows and held-out files, in one deterministic pass.

It does not train, and it does not know how the windows are read.
"""

import json
import sys
import sysconfig
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import orjson

from plt_engine.pack import TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.documents import FimFormatter, plain_document
from plt_engine.training.duplicates import HeldOutRuns, without_near_duplicates
from plt_engine.training.fetch import fetch
from plt_engine.training.manifest import Manifest, read_manifest
from plt_engine.training.replay import Exchange, generate_replay, read_replay, replay_documents
from plt_engine.training.sources import SourceFile, read_archive, read_folder, read_installed, stable_fraction
from plt_engine.training.vocabulary import RENAMED, VOCAB_SIZE, choose_ids, cut_tokenizer, write_vocabulary
from plt_engine.training.windows import WindowPacker, write_windows

GROUPS = {"python": "python", "typescript": "web", "javascript": "web", "text": "text"}
SHARES = {"python": 0.75, "web": 0.20, "text": 0.05}
MAX_PACKAGE_CHARS = 6_000_000
REPLAY_SHARE = 0.05
WINDOWS_FILE, HELD_OUT_FILE, REPORT_FILE = "windows.npy", "held_out.jsonl", "report.json"
REPLAY_FILE = "replay.jsonl"


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """How a corpus is built.

    Attributes:
        downloads: where package files are kept.
        out: the folder to write to.
        window_tokens: how many ids the model reads at once.
        vocab_size: how many of the base's tokens are kept.
        seed: draws cuts, formats and order; another seed gives another epoch over the same files.
        base: the folder of the untouched base's pack, which answers the questions of the replay; None for no replay.
        replay_tokens: how many tokens of conversations it shall give; those in `out` already count.
    """

    downloads: Path
    out: Path
    window_tokens: int = 512
    vocab_size: int = VOCAB_SIZE
    seed: int = 0
    base: Path | None = None
    replay_tokens: int = 0


def build_corpus(
    options: CorpusOptions, document: Mapping[str, Any], renamed: Mapping[str, str] = RENAMED
) -> dict[str, object]:
    """Write windows, their vocabulary, held-out files and a report; returns the report.

    Args:
        options: how.
        document: the content of the base's `tokenizer.json`.
        renamed: new names of its control tokens by their old ones.
    """
    manifest = read_manifest()
    held_out = list(held_out_files(manifest, options.downloads))
    _say(f"held out: {len(held_out)} files")
    found = list(_capped(without_near_duplicates(_training_files(manifest, options.downloads))))
    _say(f"training: {len(found)} files after removal of near-duplicates and caps")
    clean, dropped, counts = _decontaminated(found, held_out, Tokenizer(document))
    _say(f"dropped for long runs shared with held-out text: {len(dropped)}")
    chosen = _balanced(clean)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = choose_ids(document, counts, options.vocab_size)
    write_vocabulary(options.out, kept)
    cut = cut_tokenizer(document, frozenset(kept), renamed)
    (options.out / TOKENIZER_FILE).write_bytes(orjson.dumps(cut))
    tokenizer = Tokenizer(cut)
    exchanges = _replay(chosen, options)
    rows = list(_rows(chosen, exchanges, tokenizer, options))
    num_windows = write_windows(options.out / WINDOWS_FILE, rows, options.seed)
    write_files(options.out / HELD_OUT_FILE, held_out)
    report = {
        "windows": num_windows,
        "window_tokens": options.window_tokens,
        "tokens": num_windows * options.window_tokens,
        "seed": options.seed,
        "files": len(chosen),
        "replayed_exchanges": len(exchanges),
        "chars_by_language": _chars_by(chosen, "language"),
        "chars_by_package": _chars_by(chosen, "package"),
        "dropped_as_contaminated": [f"{file.package}:{file.path}" for file in dropped],
        "held_out_chars_by_package": _chars_by(held_out, "package"),
    }
    (options.out / REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return report


def write_files(path: Path, files: Iterable[SourceFile]) -> None:
    """Write files as JSON lines."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(asdict(file)) + "\n" for file in files)


def read_files(path: Path) -> list[SourceFile]:
    """Files that `write_files` wrote."""
    with path.open(encoding="utf-8") as lines:
        return [SourceFile(**json.loads(line)) for line in lines]


def _training_files(manifest: Manifest, downloads: Path) -> Iterator[SourceFile]:
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    yield from read_folder(manifest.stdlib.name, stdlib)
    for package in manifest.packages:
        yield from read_archive(package.name, fetch(package, downloads))
    for installed in manifest.installed:
        yield from read_installed(installed.name)


def held_out_files(manifest: Manifest, downloads: Path) -> Iterator[SourceFile]:
    """The files of the held-out packages, fetched where they are not there yet."""
    return chain.from_iterable(read_archive(item.name, fetch(item, downloads)) for item in manifest.held_out)


def _capped(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """At most MAX_PACKAGE_CHARS of a package, chosen by a hash, so that no package sets the tone."""
    by_package: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_package[file.package].append(file)
    for package, members in by_package.items():
        total = 0
        for file in sorted(members, key=lambda item: stable_fraction("cap", package, item.path)):
            total += len(file.text)
            if total <= MAX_PACKAGE_CHARS:
                yield file


def _decontaminated(
    files: Sequence[SourceFile], held_out: Sequence[SourceFile], tokenizer: Tokenizer
) -> tuple[list[SourceFile], list[SourceFile], Counter[int]]:
    """The files that share no long run with held-out text, those that do, and how often each id is in the first."""
    runs = HeldOutRuns(tokenizer.encode(file.text) for file in held_out)
    clean: list[SourceFile] = []
    dropped: list[SourceFile] = []
    counts = Counter[int]()
    for file in files:
        ids = tokenizer.encode(file.text)
        if runs.shares_run(ids):
            dropped.append(file)
        else:
            clean.append(file)
            counts.update(ids)
    return clean, dropped, counts


def _balanced(files: Sequence[SourceFile]) -> list[SourceFile]:
    """As many files of the two groups of code as SHARES allows without repeating any, and no more text than that."""
    chars = Counter[str]()
    for file in files:
        chars[GROUPS[file.language]] += len(file.text)
    whole = min(chars[group] / SHARES[group] for group in ("python", "web"))
    kept = {group: share * whole / max(chars[group], 1) for group, share in SHARES.items()}
    return [f for f in files if stable_fraction("balance", f.package, f.path) < kept[GROUPS[f.language]]]


def _replay(files: Sequence[SourceFile], options: CorpusOptions) -> list[Exchange]:
    if options.base is None:
        return []
    path = options.out / REPLAY_FILE
    generate_replay(
        options.base, files, path, options.replay_tokens, options.seed, lambda total: _say(f"replay: {total} tokens")
    )
    return read_replay(path)


def _rows(
    files: Sequence[SourceFile], exchanges: Sequence[Exchange], tokenizer: Tokenizer, options: CorpusOptions
) -> Iterator[list[int]]:
    formatter = FimFormatter(tokenizer, options.window_tokens + 1)
    by_package: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_package[file.package].append(file)
    order = sorted(files, key=lambda item: stable_fraction("order", str(options.seed), item.package, item.path))
    whole: deque[list[int]] = deque()
    running: deque[list[int]] = deque()
    for i, file in enumerate(order):
        rng = Random(f"{options.seed}:{file.package}:{file.path}")
        if rng.random() < 0.5:
            running.append(plain_document(file, tokenizer))
        else:
            neighbours = [other for other in by_package[file.package] if other is not file]
            whole.extend(formatter.documents(file, neighbours, rng))
        if i % 2000 == 0:
            _say(f"formatted {i} of {len(order)} files")
    if exchanges:
        wanted = int(REPLAY_SHARE * 2 * sum(map(len, whole)))
        whole.extend(replay_documents(exchanges, tokenizer, wanted, options.window_tokens + 1))
    Random(options.seed).shuffle(whole)
    return WindowPacker(options.window_tokens + 1, whole, running).rows()


def _chars_by(files: Iterable[SourceFile], field: str) -> dict[str, int]:
    counts = Counter[str]()
    for file in files:
        counts[getattr(file, field)] += len(file.text)
    return dict(counts.most_common())


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
