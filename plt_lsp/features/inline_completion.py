"""textDocument/inlineCompletion (LSP 3.18): convert, snapshot, plan, await the engine, convert.

It does not know how text is generated or shaped.
"""

import asyncio
import time
from dataclasses import dataclass

from lsprotocol import types

from plt_lsp.completer import Completion, complete
from plt_lsp.convert import position_from_lsp, range_to_lsp
from plt_lsp.documents import content_of
from plt_lsp.features.accepted import accept_command
from plt_lsp.features.report import RequestId, offered, report
from plt_lsp.messages import (
    INLINE_COMPLETION_PROGRESS,
    InlineCompletionProgress,
    PositionJson,
)
from plt_lsp.positions import Position, PositionEncoding, character_of, column_of
from plt_lsp.reasons import ANSWERED_NULL, EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.text_stream import TextStream


@dataclass(frozen=True, slots=True)
class Target:
    """What a completion is for.

    Attributes:
        snapshot: as if the menu's selected item, where there is one, had been typed.
        start: where the item's range begins, in the editor's code units; it lies on the cursor's line.
        end: where the range ends in the editor's own text.
        typed: what the item's text begins with: the text in the range, or the selected item's.
    """

    snapshot: Snapshot
    start: Position
    end: Position
    typed: str


async def inline_completion(
    session: ServerSession, params: types.InlineCompletionParams, request_id: RequestId
) -> types.InlineCompletionList | None:
    """The items to choose from, the best first; an empty list for none, or null where something newer has come.

    Raises:
        asyncio.CancelledError: the editor cancelled the request, which pygls answers with -32800.
    """
    started = time.perf_counter()
    completion: Completion | None = None
    target = target_of(session, params)
    try:
        completion = await _complete(session, params, target, request_id)
    finally:
        outcome = completion or Completion(reason=EmptyReason.CANCELLED)
        report(session, params.text_document.uri, request_id, outcome, (time.perf_counter() - started) * 1e3)
    return _answer(session, target, completion, (time.perf_counter() - started) * 1e3)


async def _complete(
    session: ServerSession, params: types.InlineCompletionParams, target: Target | EmptyReason, request_id: RequestId
) -> Completion:
    uri = params.text_document.uri
    session.running.stop(uri, EmptyReason.SUPERSEDED)
    session.stream(uri, None)
    if isinstance(target, EmptyReason):
        return Completion(reason=target)
    stream = _stream(session, params, request_id)
    session.stream(uri, stream)
    try:
        completion = await _run(session, target.snapshot, stream, params.context.trigger_kind)
    except asyncio.CancelledError:
        _cancelled(session, target.snapshot, stream)
        raise
    if completion.reason is not None:
        stream.cancel()
    elif not completion.is_partial:
        stream.finish(completion.text)
    return completion


async def _run(
    session: ServerSession, snapshot: Snapshot, stream: TextStream, kind: types.InlineCompletionTriggerKind
) -> Completion:
    is_automatic = kind is types.InlineCompletionTriggerKind.Automatic
    session.note_change()
    try:
        work = complete(session, snapshot, stream.follow, is_automatic=is_automatic)
        result = await session.running.run(snapshot.uri, work)
    finally:
        session.note_change()
    return Completion(reason=result) if isinstance(result, EmptyReason) else result


def _cancelled(session: ServerSession, snapshot: Snapshot, stream: TextStream) -> None:
    """The editor wants no answer: after an edit the text may still be what is typed, otherwise nobody wants it."""
    document = session.documents.get(snapshot.uri)
    if document is None or document.version == snapshot.version:
        session.cache.stop(snapshot.session_id)
    stream.cancel()


def target_of(session: ServerSession, params: types.InlineCompletionParams) -> Target | EmptyReason:
    """What the request is for, or why there can be no completion."""
    snapshot = session.snapshot(params.text_document.uri, position_from_lsp(params.position))
    if isinstance(snapshot, EmptyReason):
        return snapshot
    encoding = session.documents.encoding
    selected = params.context.selected_completion_info
    if selected is not None:
        return _selected_target(snapshot, selected, encoding)
    line, column = snapshot.cursor
    end = Position(line, character_of(snapshot.lines[line], column, encoding))
    return Target(snapshot, Position(line, 0), end, snapshot.line_before)


def _selected_target(
    snapshot: Snapshot, selected: types.SelectedCompletionInfo, encoding: PositionEncoding
) -> Target | EmptyReason:
    """With an item of the menu selected, the completion must begin with its text and replace its range."""
    start, end = position_from_lsp(selected.range.start), position_from_lsp(selected.range.end)
    line = content_of(snapshot.lines[snapshot.cursor.line])
    start_column = column_of(line, start.character, encoding)
    end_column = column_of(line, end.character, encoding)
    is_on_line = start.line == end.line == snapshot.cursor.line
    if not is_on_line or not start_column <= snapshot.cursor.column <= end_column or "\n" in selected.text:
        return EmptyReason.SELECTION_ELSEWHERE
    return Target(snapshot.with_typed(start_column, end_column, selected.text), start, end, selected.text)


def _answer(
    session: ServerSession, target: Target | EmptyReason, completion: Completion, elapsed_ms: float
) -> types.InlineCompletionList | None:
    if completion.reason in ANSWERED_NULL:
        return None
    if isinstance(target, EmptyReason) or completion.reason is not None:
        return types.InlineCompletionList(items=[])
    offers = offered(session, target.snapshot, completion, elapsed_ms)
    return types.InlineCompletionList(items=[_item(target, number, text) for number, text in offers])


def _item(target: Target, number: int, text: str) -> types.InlineCompletionItem:
    return types.InlineCompletionItem(
        insert_text=target.typed + text,
        range=range_to_lsp(target.start, target.end),
        command=accept_command(number),
    )


def _stream(session: ServerSession, params: types.InlineCompletionParams, request_id: RequestId) -> TextStream:
    """Tells a client that asked for it how far the text at the cursor has grown."""
    position: PositionJson = {"line": params.position.line, "character": params.position.character}

    def listener(text: str, *, is_done: bool, is_cancelled: bool) -> None:
        if session.client_features.inline_completion_progress:
            progress: InlineCompletionProgress = {
                "requestId": request_id,
                "uri": params.text_document.uri,
                "position": position,
                "text": text,
                "done": is_done,
                "cancelled": is_cancelled,
            }
            session.editor.notify(INLINE_COMPLETION_PROGRESS, progress)

    return TextStream(listener)
