"""Measures a pack at every loop count that it could run: quality on a small sample, latency on this machine.

What is found goes into the evidence in the user's pack.json. It asks nothing of documents, and knows no server.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plt_engine.engine import Engine, EngineOptions
from plt_engine.latency import LatencyModel
from plt_engine.latency_store import LatencyStore, Setup
from plt_engine.loop_policy import MIN_GAIN
from plt_engine.pack import MANIFEST_FILE, Pack, load_pack, packs_dir, shipped_dir, write_pack
from plt_engine.pack_manifest import (
    EXACT,
    QUALITY,
    SAMPLE,
    Evidence,
    EvidenceKind,
    LoopSupport,
    PackManifest,
    dump_manifest,
)
from plt_engine.planner import latencies_of
from plt_engine.types import GenerationOutput, GenerationRequest, LoopLatency, Prompt, StopSpec, StopUnit

# A smaller count than the default is useful while it costs no more than this share of the bits.
TOLERANCE = 0.02
MAX_LINE_TOKENS = 48
MIN_LINE_CHARS = 10
SAMPLES = ("lending.py.txt", "schedule.ts.txt")
Progress = Callable[[str, int, int], None]
"""Called with what is being measured, cases done and cases in all."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that was written for this, and the places in it whose lines are to be completed, in characters."""

    path: str
    text: str
    cursors: tuple[int, ...]

    def rest_of_line(self, cursor: int) -> str:
        """What stands between a place and its line's end."""
        return self.text[cursor:].partition("\n")[0].rstrip()


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one loop count.

    Attributes:
        loops: the loop count R.
        bits_per_byte: on the samples; lower is better.
        line_exact_match: the share of lines completed exactly.
        latency: on this machine, or None where the model's longest text is too short to measure it.
        evidence: `trained`, `calibrated`, or None where it is neither and was not found useful.
    """

    loops: int
    bits_per_byte: float
    line_exact_match: float
    latency: LoopLatency | None
    evidence: EvidenceKind | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The pack with what was found, and all figures, those of loop counts without evidence too."""

    pack: Pack
    measured: tuple[Measured, ...]
    num_lines: int


def calibrate(
    folder: Path, num_threads: int | None, progress: Progress = lambda *_: None, family: str | None = None
) -> Calibration:
    """Measure a pack, and write what was found into its pack.json, or into that of a copy where it is read-only.

    Args:
        folder: the pack's.
        num_threads: CPU threads, or None for the engine's choice.
        progress: told of the cases.
        family: that the pack is to name from now on, or None for the one that it names.

    Raises:
        PackError: the pack cannot be used.
    """
    pack, samples = load_pack(folder), read_samples()
    engine = Engine.load(folder, EngineOptions(num_threads=num_threads, force_loops=True))
    counts = sorted({*pack.manifest.loop_counts, *range(1, engine.max_loops + 1)})
    model = _latency_model(engine, counts, pack.manifest)
    latencies = {one.loops: one for one in latencies_of(model, counts)}
    num_cases, done, found = len(counts) * sum(len(sample.cursors) for sample in samples), 0, []
    for loops in counts:
        bits = bits_per_byte(engine, samples, loops)
        num_right = 0
        for sample in samples:
            for cursor in sample.cursors:
                num_right += _is_right(engine, sample, cursor, loops)
                done += 1
                progress(f"R = {loops}", done, num_cases)
            engine.close_session(sample.path)
        share = num_right * len(counts) / num_cases
        found.append(Measured(loops, round(bits, 4), round(share, 4), latencies.get(loops)))
    measured = judge(found, pack.manifest)
    place = f"{engine.info.device}, {engine.info.num_threads} threads"
    measured_on = name_of(", ".join(sample.path for sample in samples), samples)
    manifest = with_evidence(pack.manifest, measured, measured_on, place)
    manifest = replace(manifest, family=family or manifest.family)
    return Calibration(write_manifest(pack, manifest), measured, num_cases // len(counts))


def judge(found: Sequence[Measured], manifest: PackManifest) -> tuple[Measured, ...]:
    """Which counts have evidence now: those that had it from training, and those that are useful beside the default.

    A smaller count is useful where it is hardly worse than the default, a larger one where it is better.
    """
    trained = {one.loops for one in manifest.loops if one.evidence.kind is EvidenceKind.TRAINED}
    default = next(one for one in found if one.loops == manifest.default_loops)

    def kind(one: Measured) -> EvidenceKind | None:
        if one.loops in trained:
            return EvidenceKind.TRAINED
        limit = default.bits_per_byte * (1 + TOLERANCE)
        if one.loops > default.loops:
            limit = default.bits_per_byte - MIN_GAIN
        is_useful = one.loops == default.loops or one.bits_per_byte <= limit
        return EvidenceKind.CALIBRATED if is_useful else None

    return tuple(replace(one, evidence=kind(one)) for one in found)


def with_evidence(manifest: PackManifest, measured: Sequence[Measured], sample: str, place: str = "") -> PackManifest:
    """The manifest with the figures of every count that was found to have evidence; what was not measured stays.

    Args:
        manifest: the pack's.
        measured: what was found.
        sample: on what, in words that tell it from others (see `name_of`).
        place: where the latency was measured.
    """
    found = {support.loops: support for support in manifest.loops}
    for one in measured:
        before = found.pop(one.loops, None)
        if one.evidence is None:
            continue
        detail = f"Measured with the other counts on the sample: {one.bits_per_byte} bits per byte."
        evidence = before.evidence if before else Evidence(one.evidence, detail)
        figures = {**evidence.figures, QUALITY: one.bits_per_byte, EXACT: one.line_exact_match, SAMPLE: sample}
        if one.latency is not None:
            figures["token_ms"] = round(one.latency.token_ms, 2)
            figures["reading_ms_per_100_tokens"] = round(one.latency.reading_ms, 2)
            figures["measured_on"] = place
        found[one.loops] = LoopSupport(one.loops, replace(evidence, figures=figures))
    return replace(manifest, loops=tuple(found[loops] for loops in sorted(found)))


def write_manifest(pack: Pack, manifest: PackManifest) -> Pack:
    """Put a manifest in the place of a pack's, whole or not at all; a pack that came with this package is copied."""
    if pack.folder.is_relative_to(shipped_dir()) or not os.access(pack.folder, os.W_OK):
        return write_pack(packs_dir() / manifest.name, manifest, lambda draft: _copy_files(pack, draft))
    handle, draft = tempfile.mkstemp(dir=pack.folder, prefix=f".{MANIFEST_FILE}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(dump_manifest(manifest))
    os.chmod(draft, 0o644)
    os.replace(draft, pack.folder / MANIFEST_FILE)
    return Pack(pack.folder, manifest)


def _copy_files(pack: Pack, draft: Path) -> None:
    for name in pack.manifest.files:
        (draft / name).write_bytes((pack.folder / name).read_bytes())


def read_samples() -> tuple[Sample, ...]:
    """The files that come with this package, each with a place in half of its longer lines."""
    folder = Path(__file__).parent / "samples"
    return tuple(_sample(name, (folder / name).read_text(encoding="utf-8")) for name in SAMPLES)


def name_of(title: str, cases: Sequence[object]) -> str:
    """What tells the cases that figures come from from others: a title for people, and a digest."""
    return f"{title} ({hashlib.sha256(repr(tuple(cases)).encode()).hexdigest()[:12]})"


def _sample(name: str, text: str) -> Sample:
    cursors: list[int] = []
    start = 0
    for i, line in enumerate(text.split("\n")):
        code = line.strip()
        if i > 2 and i % 2 and len(code) >= MIN_LINE_CHARS and not code.startswith(('"""', "/*", "//")):
            indent = len(line) - len(line.lstrip())
            # The beginning of every other line, and behind the first word of the ones between.
            word = len(code.split(" ", 1)[0]) + 1 if len(cursors) % 2 and " " in code else 0
            cursors.append(start + indent + word)
        start += len(line) + 1
    return Sample(name.removesuffix(".txt"), text, tuple(cursors))


def bits_per_byte(engine: Engine, samples: Sequence[Sample], loops: int) -> float:
    """Bits that the model needs for a byte of the samples, each read from its beginning."""
    scores = [engine.score(sample.text, loops) for sample in samples]
    return sum(bits for bits, _ in scores) / sum(num_bytes for _, num_bytes in scores)


def _is_right(engine: Engine, sample: Sample, cursor: int, loops: int) -> bool:
    prompt = Prompt(sample.text[:cursor], sample.text[cursor + len(sample.rest_of_line(cursor)) :], sample.path)
    stop = StopSpec(max_tokens=MAX_LINE_TOKENS, unit=StopUnit.LINE)
    *_, output = engine.generate(GenerationRequest("line", sample.path, prompt, stop=stop, loops=loops))
    assert isinstance(output, GenerationOutput), "a generation ends with its output"
    return output.text.rstrip() == sample.rest_of_line(cursor)


def _latency_model(engine: Engine, counts: Sequence[int], manifest: PackManifest) -> LatencyModel:
    """The speed at every loop count, measured now; it is kept for the server, too."""
    found = engine.measure_speed(counts)
    info = engine.info
    LatencyStore.of(Setup.of(manifest, info.device, info.dtype, info.num_threads)).save(found)
    return found
