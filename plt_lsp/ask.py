"""Asks a running server for one completion, as an editor would, and gathers all that is known of the answer.

It serves the project's own commands; it does not know how the server or its engine work.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plt_lsp.client import LspClient, ResponseError
from plt_lsp.documents import content_of, split_lines
from plt_lsp.positions import Cursor

CAPABILITIES = {"inlineCompletionProgress": True, "completionReport": True}
# Columns of `str` are UTF-32 code units, so nothing needs to be converted.
GENERAL = {"positionEncodings": ["utf-32"]}
LANGUAGES = {
    ".c": "c", ".cpp": "cpp", ".cs": "csharp", ".css": "css", ".go": "go", ".h": "c", ".html": "html", ".java": "java",
    ".js": "javascript", ".json": "json", ".jsx": "javascriptreact", ".kt": "kotlin", ".lua": "lua", ".md": "markdown",
    ".php": "php", ".py": "python", ".rb": "ruby", ".rs": "rust", ".sh": "shellscript", ".sql": "sql",
    ".swift": "swift", ".ts": "typescript", ".tsx": "typescriptreact", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a completion cost, as `plt/completionReport` says; the fields are those of the engine's figures."""

    loops: int
    num_prompt_tokens: int
    num_cached_tokens: int
    num_generated_tokens: int
    ttft_ms: float
    total_ms: float
    tokens_per_second: float

    def line(self) -> str:
        """One line for people."""
        return (
            f"R={self.loops} · TTFT {self.ttft_ms:.0f} ms · {self.tokens_per_second:.1f} tokens/s · "
            f"{self.num_generated_tokens} tokens · {self.num_cached_tokens} of {self.num_prompt_tokens} prompt tokens "
            "cached"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one request.

    Attributes:
        text: what would be inserted at the cursor; empty where there is no suggestion.
        outcome: `completed`, or the name of the reason for an empty answer.
        model: the pack that answered, or None.
        finish_reason: why the generation ended, or None where there was none.
        metrics: what it cost, or None where there was no generation.
        elapsed_ms: from the request to its answer, loading included.
        messages: what the server has shown to the user so far.
    """

    text: str
    outcome: str
    model: str | None
    finish_reason: str | None
    metrics: Metrics | None
    elapsed_ms: float
    messages: tuple[str, ...]


async def initialize(client: LspClient, settings: Mapping[str, object]) -> None:
    """Initialize a server with settings, and announce that progress and reports are welcome."""
    capabilities = {"general": GENERAL, "textDocument": {"inlineCompletion": {}}}
    result = await client.initialize({"plt": {**settings, "capabilities": CAPABILITIES}}, capabilities)
    encoding = result["capabilities"]["positionEncoding"]
    if encoding != "utf-32":
        raise ResponseError(0, f"the server counts positions in {encoding}, although utf-32 was offered alone")


async def ask(client: LspClient, uri: str, cursor: Cursor, on_text: OnText | None = None) -> Answer:
    """Ask for a completion in an open document; `on_text` is called with the text so far as it grows."""
    started = time.perf_counter()
    future = client.inline_completion(uri, cursor.line, cursor.column)

    def progress(params: Any) -> None:  # noqa: ANN401  (JSON)
        if on_text is not None and params["uri"] == uri and params["text"]:
            on_text(params["text"])

    client.listen("plt/inlineCompletionProgress", progress)
    num_reports = len(client.received("plt/completionReport"))
    result = await future
    elapsed_ms = (time.perf_counter() - started) * 1e3
    report = (await client.wait_for("plt/completionReport", num_reports + 1))[-1]
    return Answer(
        text=_inserted(result, cursor),
        outcome=report["outcome"],
        model=report["model"],
        finish_reason=report["finishReason"],
        metrics=_metrics(report["metrics"]),
        elapsed_ms=elapsed_ms,
        messages=tuple(message["message"] for message in client.received("window/showMessage")),
    )


def _inserted(result: Any, cursor: Cursor) -> str:  # noqa: ANN401  (JSON)
    """The part of the item behind the cursor; the item repeats what it replaces before it."""
    if not result or not result["items"]:
        return ""
    item = result["items"][0]
    text: str = item["insertText"]
    return text[cursor.column - item["range"]["start"]["character"] :]


def _metrics(raw: Any) -> Metrics | None:  # noqa: ANN401  (JSON)
    if raw is None:
        return None
    return Metrics(
        loops=raw["loops"],
        num_prompt_tokens=raw["numPromptTokens"],
        num_cached_tokens=raw["numCachedTokens"],
        num_generated_tokens=raw["numGeneratedTokens"],
        ttft_ms=raw["ttftMs"],
        total_ms=raw["totalMs"],
        tokens_per_second=raw["tokensPerSecond"],
    )


def language_of(path: Path) -> str:
    """The language id of a file by its suffix, as editors choose it."""
    return LANGUAGES.get(path.suffix.lower(), "plaintext")


def cursor_at(text: str, line: int, column: int) -> Cursor:
    """The cursor at a line and column counted from 1, as editors show them.

    Raises:
        ValueError: the text has no such place; the message says what there is.
    """
    lines = split_lines(text)
    if not 1 <= line <= len(lines):
        raise ValueError(f"there is no line {line}; the file has {len(lines)}")
    width = len(content_of(lines[line - 1]))
    if not 1 <= column <= width + 1:
        raise ValueError(f"line {line} has no column {column}; the last one is {width + 1}")
    return Cursor(line - 1, column - 1)


def to_json(answer: Answer) -> str:
    """An answer as one line of JSON."""
    metrics = answer.metrics
    return json.dumps(
        {
            "text": answer.text,
            "outcome": answer.outcome,
            "model": answer.model,
            "finish_reason": answer.finish_reason,
            "elapsed_ms": round(answer.elapsed_ms, 3),
            "metrics": {name: getattr(metrics, name) for name in Metrics.__slots__} if metrics else None,
            "messages": answer.messages,
        }
    )
