"""`plt-lsp diagnose PACK --out DIR`: look into a model loop by loop; JSON, a report and pictures go to a folder.

It turns words into calls and does not know how anything is measured or drawn.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from plt_engine.diagnostics.diagnosis import About, Diagnosis, ShownText, ShownToken, to_json
from plt_engine.diagnostics.measure import TokenTrace, measure
from plt_engine.diagnostics.page import page
from plt_engine.diagnostics.pictures import pictures
from plt_engine.diagnostics.samples import MIN_SAMPLES, MIN_TOKENS, Sample, built_in_files, draw_samples, files_of
from plt_engine.diagnostics.subject import DTYPES, Subject, load_subject
from plt_engine.diagnostics.summary import collect, figures
from plt_engine.diagnostics.verdict import headline, judge
from plt_engine.errors import EngineError, PackNotFoundError, RequestError
from plt_engine.tokenizer import StreamDecoder, Tokenizer

JSON_FILE, PAGE_FILE = "diagnosis.json", "report.html"
BUILT_IN = "the sample that comes with plt-lsp"
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 where it succeeded, 1 with one message where not, 2 where there is no such model."""
    arguments = _parser().parse_args(argv)
    try:
        return _diagnose(arguments)
    except EngineError as error:
        sys.stderr.write(f"plt-lsp: {error}\n")
        return EXIT_USAGE if isinstance(error, PackNotFoundError) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plt-lsp diagnose", description="What each loop of a model changes, and whether it pays."
    )
    parser.add_argument("pack", metavar="PACK", help="a pack's name, or the folder of a pack or of a checkpoint")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder that the report goes to")
    parser.add_argument("--text", type=Path, metavar="DIR", help="source text, a folder or a file; a small sample")
    parser.add_argument("--loops", type=int, metavar="N", help="look at loops 1 to N; as many as have evidence")
    parser.add_argument("--samples", type=int, default=32, metavar="N", help="the most samples of text (32)")
    parser.add_argument("--tokens", type=int, default=256, metavar="N", help="tokens of each sample (256)")
    parser.add_argument("--seed", type=int, default=0, help="draws the samples, and those of the intervals (0)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="float32", help="what the model computes in")
    parser.add_argument("--svg", action="store_true", help="write the pictures as files of their own, too")
    return parser


def _diagnose(arguments: argparse.Namespace) -> int:
    _check(arguments)
    files = built_in_files() if arguments.text is None else files_of(arguments.text)
    out = _out_folder(arguments.out)
    torch.set_num_threads(arguments.threads)
    subject = load_subject(arguments.pack, arguments.loops, arguments.dtype)
    _require_room(arguments.tokens, subject)
    samples = draw_samples(files, subject.tokenizer, arguments.samples, arguments.tokens, arguments.seed)
    diagnosis = _diagnosis(subject, samples, _text_name(arguments.text), arguments)
    written = _write(diagnosis, out, arguments.svg)
    return _say(diagnosis, written)


def _check(arguments: argparse.Namespace) -> None:
    lowest = {"samples": MIN_SAMPLES, "tokens": MIN_TOKENS, "threads": 1}
    for name, least in lowest.items():
        if getattr(arguments, name) < least:
            raise RequestError(f"--{name} is {getattr(arguments, name)}; it must be {least} or more.")


def _out_folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"--out is {out}, which cannot be made a folder: {error}.") from None
    return out


def _require_room(num_tokens: int, subject: Subject) -> None:
    most = subject.config.max_position_embeddings - 1
    if num_tokens > most:
        raise RequestError(f"--tokens is {num_tokens}; the model {subject.name} takes at most {most}.")


def _text_name(text: Path | None) -> str:
    return BUILT_IN if text is None else text.resolve().name


def _diagnosis(subject: Subject, samples: list[Sample], text: str, arguments: argparse.Namespace) -> Diagnosis:
    collected = collect(measure(subject.weights, _shown_progress(samples, subject), subject.loops))
    about = About(
        name=subject.name,
        title=subject.title,
        loops=subject.loops,
        certified=tuple(sorted(subject.certified)),
        lack=subject.lack,
        num_layers=subject.config.num_hidden_layers,
        text=text,
        num_samples=collected.num_samples,
        num_tokens=arguments.tokens,
        seed=arguments.seed,
        dtype=subject.dtype,
        is_dense=subject.config.loop.num_loops == 1,
    )
    shown = ShownText(samples[0].file, samples[0].line, tuple(_tokens(collected.trace, subject.tokenizer)))
    return Diagnosis(about, figures(collected, arguments.seed), judge(collected, arguments.seed), shown)


def _shown_progress(samples: list[Sample], subject: Subject) -> Iterable[Sample]:
    title = f"{subject.name}, loops 1 to {subject.loops}" if subject.loops > 1 else subject.name
    return track(samples, description=title, console=Console(stderr=True))


def _tokens(trace: Iterable[TokenTrace], tokenizer: Tokenizer) -> Iterator[ShownToken]:
    decoder = StreamDecoder(tokenizer)
    for token in trace:
        yield ShownToken(decoder.push(token.token_id), token.losses, token.shifts)


def _write(diagnosis: Diagnosis, out: Path, as_files: bool) -> list[Path]:
    drawn = pictures(diagnosis)
    contents = {JSON_FILE: to_json(diagnosis), PAGE_FILE: page(diagnosis, drawn).encode()}
    if as_files:
        contents |= {f"{picture.name}.svg": picture.document().encode() for picture in drawn}
    try:
        for name, content in contents.items():
            (out / name).write_bytes(content)
    except OSError as error:
        raise RequestError(f"The report cannot be written: {error}. Give another folder with --out.") from None
    return [out / name for name in contents]


def _say(diagnosis: Diagnosis, written: list[Path]) -> int:
    lines = [headline(diagnosis.verdict), *diagnosis.verdict.reasons, *diagnosis.about.notes]
    sys.stdout.write("\n".join([*lines, "", *map(str, written)]) + "\n")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
