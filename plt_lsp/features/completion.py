"""textDocument/completion for editors without inline completion: one item of their menu, marked as the model's.

It is offered to nobody who knows textDocument/inlineCompletion, and does not know how text is generated or shaped.
"""

import time

from lsprotocol import types

from plt_lsp.completer import Completion, complete
from plt_lsp.completion_cache import Hit
from plt_lsp.convert import position_from_lsp, range_to_lsp
from plt_lsp.features.accepted import accept_command
from plt_lsp.features.report import RequestId, offered, report
from plt_lsp.generation import Generation
from plt_lsp.positions import Position, character_of
from plt_lsp.postprocess.line_ends import in_files_line_ends
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import is_word_char

MARK = "plt-lsp"
OPTIONS = types.CompletionOptions(trigger_characters=[".", "(", ",", "=", ":", " "])
MAX_LABEL_CHARS = 60


def is_needed(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client completes, but not inline."""
    document = capabilities.text_document
    return document is not None and document.completion is not None and document.inline_completion is None


async def completion(
    session: ServerSession, params: types.CompletionParams, request_id: RequestId
) -> types.CompletionList:
    """The item, or none; the list is never complete, so that the editor asks again as the user types on."""
    started = time.perf_counter()
    uri = params.text_document.uri
    session.running.stop(uri, EmptyReason.SUPERSEDED)
    snapshot = session.snapshot(uri, position_from_lsp(params.position))
    found: Completion | None = None
    try:
        found = Completion(reason=snapshot) if isinstance(snapshot, EmptyReason) else await _run(session, snapshot)
    finally:
        elapsed_ms = (time.perf_counter() - started) * 1e3
        report(session, uri, request_id, found or Completion(reason=EmptyReason.CANCELLED), elapsed_ms)
    if isinstance(snapshot, EmptyReason) or found.reason is not None:
        return types.CompletionList(is_incomplete=True, items=[])
    offers = offered(session, snapshot, found, elapsed_ms)
    return types.CompletionList(is_incomplete=True, items=[_item(session, snapshot, *offer) for offer in offers])


async def _run(session: ServerSession, snapshot: Snapshot) -> Completion:
    """As for ghost text that comes by itself, since nobody can tell who asked: the user, or the editor while typing."""
    result = await session.running.run(snapshot.uri, complete(session, snapshot, _ignore, is_automatic=True))
    return Completion(reason=result) if isinstance(result, EmptyReason) else result


def _ignore(_: Hit[Generation]) -> None:
    """A menu shows no text that grows."""


def _item(session: ServerSession, snapshot: Snapshot, number: int, text: str) -> types.CompletionItem:
    """The item replaces the word before the cursor, since that is what editors compare it with."""
    line, column = snapshot.cursor
    before = snapshot.line_before
    word = _last_word(before)
    encoding = session.documents.encoding
    start, end = (Position(line, character_of(before, i, encoding)) for i in (column - len(word), column))
    model = session.engine.info.pack if session.engine.info else snapshot.settings.model
    return types.CompletionItem(
        label=_label(word + text),
        label_details=types.CompletionItemLabelDetails(description=MARK),
        kind=types.CompletionItemKind.Text,
        detail=f"{MARK}, {model}",
        documentation=word + text,
        filter_text=word + text,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        # Editors that show ghost text take line feeds; those that show a menu put in what they are given.
        text_edit=types.TextEdit(range_to_lsp(start, end), word + in_files_line_ends(text, snapshot.lines, line)),
        command=accept_command(number),
    )


def _last_word(before: str) -> str:
    num_chars = next((i for i, char in enumerate(reversed(before)) if not is_word_char(char)), len(before))
    return before[len(before) - num_chars :]


def _label(text: str) -> str:
    """The first line that has text, with a sign where there is more."""
    stripped = text.strip()
    line = stripped.partition("\n")[0].rstrip()
    is_cut = line != stripped or len(line) > MAX_LABEL_CHARS
    return line[:MAX_LABEL_CHARS] + ("…" if is_cut else "")
