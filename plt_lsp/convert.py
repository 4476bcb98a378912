"""Between lsprotocol's types and the project's own: the only place that knows both, besides the features.

It decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from lsprotocol import types

from plt_engine.types import GenerationMetrics
from plt_lsp.decisions import decision_to_json
from plt_lsp.documents import Change, Edit, FullText
from plt_lsp.positions import Position
from plt_lsp.settings import camel_case


def position_from_lsp(position: types.Position) -> Position:
    """A position of the protocol."""
    return Position(position.line, position.character)


def position_to_lsp(position: Position) -> types.Position:
    """A position for the protocol."""
    return types.Position(position.line, position.character)


def range_to_lsp(start: Position, end: Position) -> types.Range:
    """A range for the protocol."""
    return types.Range(position_to_lsp(start), position_to_lsp(end))


def changes_from_lsp(changes: Sequence[types.TextDocumentContentChangeEvent]) -> list[Change]:
    """A batch of changes."""
    return [_change(change) for change in changes]


def _change(change: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(change, types.TextDocumentContentChangePartial):
        return Edit(position_from_lsp(change.range.start), position_from_lsp(change.range.end), change.text)
    return FullText(change.text)


def metrics_to_json(metrics: GenerationMetrics) -> Mapping[str, object]:
    """A generation's figures with the protocol's spelling of names."""
    decision = None if metrics.decision is None else decision_to_json(metrics.decision)
    plain = asdict(replace(metrics, decision=None))
    return {camel_case(name): value for name, value in plain.items()} | {"decision": decision}
