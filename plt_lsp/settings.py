"""The settings: each is defined here once, with its default, unit, range, scope and words.

It does not know where raw values come from; `plt_lsp.settings_parser` turns them into these, and everything that
describes the settings elsewhere is to be generated from here.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, get_type_hints

SECTION = "plt"


class Scope(StrEnum):
    """Who may set it: the user alone, or a workspace as well."""

    USER = "user"
    WORKSPACE = "workspace"


class TriggerMode(StrEnum):
    """When inline completions are offered."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class SuggestionExtent(StrEnum):
    """How much is offered at once."""

    AUTO = "auto"
    LINE = "line"
    BLOCK = "block"


class Device(StrEnum):
    """Where the model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Loops(StrEnum):
    """The loop count that is none: the policy chooses it for each request."""

    AUTO = "auto"


class LogLevel(StrEnum):
    """How much is written to the log, which is standard error."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class About:
    """What is said of one setting.

    Attributes:
        doc: what it does, in the user's words.
        unit: of its number, or None.
        minimum: the least value, for numbers.
        maximum: the greatest value, for numbers.
        scope: who may set it.
        null_means: what null stands for, where null is a value of its own.
    """

    doc: str
    unit: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    scope: Scope = Scope.WORKSPACE
    null_means: str | None = None


def about(
    doc: str,
    *,
    unit: str | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    scope: Scope = Scope.WORKSPACE,
    null_means: str | None = None,
) -> dict[str, About]:
    """The metadata of one setting's field."""
    return {"about": About(doc, unit, minimum, maximum, scope, null_means)}


@dataclass(frozen=True, slots=True)
class InlineCompletionSettings:
    """Ghost text."""

    trigger: TriggerMode = field(
        default=TriggerMode.AUTOMATIC,
        metadata=about("Offer completions while typing, or only when asked for one."),
    )
    max_tokens: int = field(
        default=96,
        metadata=about("The most tokens that one completion may have.", unit="tokens", minimum=1, maximum=2048),
    )
    max_lines: int = field(
        default=8,
        metadata=about("The most lines that one completion may have.", unit="lines", minimum=1, maximum=200),
    )
    extent: SuggestionExtent = field(
        default=SuggestionExtent.AUTO,
        metadata=about("Offer a line, a block, or what suits the place of the cursor."),
    )
    alternatives: int = field(
        default=3,
        metadata=about(
            "The most suggestions to choose from where one is asked for; while typing there is one.",
            unit="suggestions",
            minimum=1,
            maximum=5,
        ),
    )
    max_chars_after_cursor: int = field(
        default=80,
        metadata=about(
            "Nothing is offered while typing where more text than this follows on the line.",
            unit="characters",
            minimum=0,
            maximum=10_000,
        ),
    )
    latency_budget_ms: int = field(
        default=300,
        metadata=about(
            "While typing, the answer is given after this time with the lines that are complete by then, or with the "
            "first words in editors that can be told of the rest, which follows; 0 gives up nothing and waits for a "
            "complete line. Loops, and for a text that was not read yet also context, are chosen so that it is kept. "
            "Loading the model does not count.",
            unit="milliseconds",
            minimum=0,
            maximum=120_000,
        ),
    )
    invoked_latency_budget_ms: int = field(
        default=10_000,
        metadata=about(
            "Where you ask for a suggestion, the first one has no more tokens than this time allows, but at least 16.",
            unit="milliseconds",
            minimum=0,
            maximum=120_000,
        ),
    )
    deadline_ms: int = field(
        default=5000,
        metadata=about(
            "A completion is cut short after this time; loading the model does not count.",
            unit="milliseconds",
            minimum=50,
            maximum=120_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class ExplainSettings:
    """Explanations."""

    latency_budget_ms: int = field(
        default=1000,
        metadata=about(
            "The first word of an explanation is to be there after this time: where reading takes longer, fewer loops "
            "are run, then the model is shown a shortened form of long code, and the explanation says so. 0 shows it "
            "all.",
            unit="milliseconds",
            minimum=0,
            maximum=120_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class RefactorSettings:
    """Rewriting code."""

    enable: bool = field(
        default=True,
        metadata=about("Offer refactorings as code actions, and rename names in Python files."),
    )
    unproven: bool = field(
        default=False,
        metadata=about(
            "Also offer what the model writes badly: kinds of refactoring of which, when it was measured, less than "
            "half came out valid. What it proposes is checked all the same, and often withdrawn."
        ),
    )
    latency_budget_ms: int = field(
        default=20_000,
        metadata=about(
            "A text that the model rewrites is to be whole after this time; nothing is left out of it for that.",
            unit="milliseconds",
            minimum=0,
            maximum=600_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model is shown."""

    max_prefix_chars: int = field(
        default=4000,
        metadata=about("The most text before the cursor.", unit="characters", minimum=100, maximum=1_000_000),
    )
    max_suffix_chars: int = field(
        default=1000,
        metadata=about("The most text after the cursor.", unit="characters", minimum=0, maximum=1_000_000),
    )
    max_chunk_chars: int = field(
        default=1500,
        metadata=about(
            "The most text of other files of the workspace: definitions of what is used, pieces like the lines around "
            "the cursor, what was edited lately. 0 for none.",
            unit="characters",
            minimum=0,
            maximum=100_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index of the workspace's source files."""

    enable: bool = field(
        default=True,
        metadata=about(
            "Keep an index of what the source files of a workspace folder define, in this machine's cache folder, by a "
            "process of its own with low priority, so that the model is shown what is defined in other files. Files "
            "that `.gitignore` or `.pltignore` name stay outside."
        ),
    )
    max_files: int = field(
        default=50_000,
        metadata=about(
            "The most source files of a workspace folder; of more, those nested deepest are left out.",
            unit="files",
            minimum=0,
            maximum=1_000_000,
        ),
    )
    max_file_kb: int = field(
        default=512,
        metadata=about("Larger source files are left out.", unit="kilobytes", minimum=1, maximum=1000),
    )
    max_memory_mb: int = field(
        default=512,
        metadata=about(
            "The most memory that the index's process may have.",
            unit="megabytes",
            minimum=128,
            maximum=16_000,
            scope=Scope.USER,
        ),
    )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the model is run."""

    max_context_tokens: int = field(
        default=8192,
        metadata=about(
            "The longest prompt and completion together.",
            unit="tokens",
            minimum=128,
            maximum=131_072,
            scope=Scope.USER,
        ),
    )
    threads: int | None = field(
        default=None,
        metadata=about(
            "CPU threads of the engine process.",
            unit="threads",
            minimum=1,
            maximum=1024,
            scope=Scope.USER,
            null_means="the engine's choice",
        ),
    )
    device: Device = field(
        default=Device.AUTO,
        metadata=about("Where the model runs; auto takes a GPU where there is one.", scope=Scope.USER),
    )
    max_memory_mb: int | None = field(
        default=None,
        metadata=about(
            "The most memory that the model may take with all it needs, on its device. What is left over is for the "
            "texts it has read already; a model that does not fit is refused with what would.",
            unit="megabytes",
            minimum=256,
            maximum=1_000_000,
            scope=Scope.USER,
            null_means="no cap",
        ),
    )
    foresight: bool = field(
        default=True,
        metadata=about(
            "Have the model work ahead: while you pause it reads the text around the cursor, and after you accept a "
            "suggestion it begins the next one.",
            scope=Scope.USER,
        ),
    )
    share: bool = field(
        default=True,
        metadata=about(
            "Use one engine process for all windows that run the same model with the same options: the weights are "
            "held in memory once. It leaves a minute after the last window.",
            scope=Scope.USER,
        ),
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    enable: bool = field(default=True, metadata=about("Offer anything at all."))
    model: str = field(
        default="plt-coder-115m",
        metadata=about(
            "The model pack: a name from `plt-lsp models list`, or the path of a pack's folder. A path is read from "
            "the editor's initialization options only, which a workspace cannot change.",
            scope=Scope.USER,
        ),
    )
    loops: Loops | int = field(
        default=Loops.AUTO,
        metadata=about(
            "The loop count R, for which the pack must have evidence. With `auto` each request gets the best count "
            "that fits into its latency budget.",
            minimum=1,
            maximum=64,
        ),
    )
    disabled_languages: tuple[str, ...] = field(
        default=(),
        metadata=about("Languages without completions, by the editor's language ids, for example `markdown`."),
    )
    excluded_files: tuple[str, ...] = field(
        default=(
            ".env",
            ".env.*",
            "*.env",
            "*.pem",
            "*.key",
            "*.p12",
            "*.pfx",
            "*.keystore",
            "id_rsa*",
            "id_ed25519*",
            ".netrc",
            ".npmrc",
            ".pypirc",
            "credentials",
            "secrets.*",
        ),
        metadata=about(
            "Files without completions, as globs: of the file's name, or, with a slash, of its path in the workspace "
            "folder; `**` goes through folders."
        ),
    )
    max_file_chars: int = field(
        default=1_000_000,
        metadata=about(
            "Nothing is offered in larger files, which are seldom written by hand.",
            unit="characters",
            minimum=1,
            maximum=100_000_000,
        ),
    )
    statistics: bool = field(
        default=True,
        metadata=about(
            "Keep counts of what is offered and accepted, by language and loop count, for `plt-lsp stats`. Nothing but "
            "numbers is stored, and nothing leaves this machine.",
            scope=Scope.USER,
        ),
    )
    log_level: LogLevel = field(
        default=LogLevel.INFO, metadata=about("How much is written to the log.", scope=Scope.USER)
    )
    inline_completion: InlineCompletionSettings = field(default_factory=InlineCompletionSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)
    refactor: RefactorSettings = field(default_factory=RefactorSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting, found by walking the dataclasses.

    Attributes:
        key: as users write it below `plt.`, for example `inlineCompletion.maxTokens`.
        path: the attribute names that lead to it from Settings.
        kind: its Python type.
        default: its default.
        about: what is said of it.
    """

    key: str
    path: tuple[str, ...]
    kind: Any
    default: object
    about: About


def all_specs() -> tuple[Spec, ...]:
    """Every setting, in the order of its definition."""
    return tuple(_specs_of(Settings, ()))


def _specs_of(kind: type[Any], path: tuple[str, ...]) -> Iterator[Spec]:
    hints = get_type_hints(kind)
    for item in fields(kind):
        here = (*path, item.name)
        if is_dataclass(hints[item.name]):
            yield from _specs_of(hints[item.name], here)
            continue
        assert item.default is not MISSING
        key = ".".join(camel_case(name) for name in here)
        yield Spec(key, here, hints[item.name], item.default, item.metadata["about"])


def camel_case(name: str) -> str:
    """`max_tokens` as settings files write it: `maxTokens`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
