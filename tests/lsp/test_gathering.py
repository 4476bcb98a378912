"""Gathering beside the event loop: nobody waits for what is late, which is shown next; a fault shows what was known."""

import asyncio
import threading
from collections import Counter
from dataclasses import replace

import pytest

from plt_engine.types import FileChunk
from plt_lsp.context.cross_file import Selection
from plt_lsp.documents import DocumentStore, Edit
from plt_lsp.gathering import Gathering
from plt_lsp.positions import Position
from plt_lsp.settings import ContextSettings, Settings
from tests.lsp.snapshots import snapshot_at

SNAPSHOT = replace(snapshot_at("x = ‸\n"), uri="file:///shop/a.py")
FIRST, SECOND = (Selection((FileChunk("b.py", text),)) for text in ("one\n", "two\n"))


class Places:
    """One workspace folder."""

    def relative_path(self, uri):
        return uri.removeprefix("file:///shop/")

    def folder_of(self, uri):
        return "/shop" if uri.startswith("file:///shop/") else None


class Reader:
    """Answers one after the other, each once it may."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.questions = []
        self.may = threading.Semaphore(0)

    def answer(self, question):
        self.questions.append(question)
        self.may.acquire()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def forget(self, session_id):
        self.questions.append(session_id)


def gathering(reader, time_cap_s=60.0):
    documents, counts = DocumentStore(), Counter()
    found = Gathering(documents, Places(), counts, reader, time_cap_s)
    for name in ("a.py", "b.py", "c.py"):
        documents.open(f"file:///shop/{name}", "python", 1, f"{name}\n" * 3)
        found.note_open(documents.get(f"file:///shop/{name}"))
    return found, documents, counts


async def settled(found: Gathering) -> None:
    await asyncio.wait(list(found._jobs.values()))


async def test_what_is_late_is_shown_with_the_next_request():
    reader = Reader(FIRST, SECOND)
    found, _, counts = gathering(reader, time_cap_s=0.0)
    assert await found.select(SNAPSHOT, None) == Selection()
    assert counts["context.late"] == 1
    reader.may.release()
    await settled(found)
    assert found.current(SNAPSHOT) == Selection(), "a text that grows is asked for by what it was shown"
    assert await found.select(SNAPSHOT, None) == FIRST
    reader.may.release()
    await settled(found)
    assert reader.questions[-1].before == FIRST
    assert await found.select(SNAPSHOT, None) == SECOND
    found.close()


async def test_what_is_there_in_time_is_shown_at_once():
    reader = Reader(FIRST)
    found, _, counts = gathering(reader)
    reader.may.release()
    before = found.version(SNAPSHOT)
    assert await found.select(SNAPSHOT, None) == FIRST
    assert found.version(SNAPSHOT) != before
    assert counts == {}
    found.close()


async def test_while_one_answer_is_awaited_no_other_is_asked_for():
    reader = Reader(FIRST)
    found, _, _ = gathering(reader, time_cap_s=0.0)
    for _ in range(3):
        await found.select(SNAPSHOT, None)
    reader.may.release()
    await settled(found)
    assert len(reader.questions) == 1
    found.close()


async def test_a_fault_shows_what_was_known():
    reader = Reader(FIRST, ValueError("broken"))
    found, _, _ = gathering(reader)
    reader.may.release(2)
    assert await found.select(SNAPSHOT, None) == FIRST
    assert await found.select(SNAPSHOT, None) == FIRST
    found.close()


async def test_other_settings_begin_anew():
    reader = Reader(FIRST)
    found, _, _ = gathering(reader)
    reader.may.release()
    await found.select(SNAPSHOT, None)
    assert found.current(replace(SNAPSHOT, settings=Settings(excluded_files=("b.py",)))) == Selection()
    off = replace(SNAPSHOT, settings=Settings(context=ContextSettings(max_chunk_chars=0)))
    assert await found.select(off, None) == Selection()
    assert len(reader.questions) == 1
    found.close()


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "file:///elsewhere/a.py"])
async def test_in_no_folder_nothing_is_asked(uri):
    reader = Reader()
    found, _, _ = gathering(reader)
    assert await found.select(replace(SNAPSHOT, uri=uri), None) == Selection()
    assert await found.preview(replace(SNAPSHOT, uri=uri), None) == Selection()
    assert reader.questions == []


async def test_a_question_tells_what_is_open_and_what_was_edited_the_last_first():
    reader = Reader(FIRST)
    found, documents, _ = gathering(reader)
    reader.may.release()
    documents.open("git:/shop/d.py", "python", 1, "an older state\n")
    found.note_open(documents.get("git:/shop/d.py"))
    documents.open("file:///shop/key.pem", "python", 1, "a secret\n")
    found.note_open(documents.get("file:///shop/key.pem"))
    b = documents.get("file:///shop/b.py")
    documents.change(b.uri, 2, [Edit(Position(1, 0), Position(1, 4), "edited")])
    before = found.version(SNAPSHOT)
    found.note_edit(b, b.shifts)
    assert found.version(SNAPSHOT) != before
    assert await found.preview(SNAPSHOT, None) == FIRST
    assert found.current(SNAPSHOT) == Selection()
    (question,) = reader.questions
    assert [file.path for file in question.open_files] == ["b.py", "c.py"]
    assert [(edit.path, edit.before, edit.after) for edit in question.edits] == [("b.py", ("b.py\n",), ("edited\n",))]
    found.close()


async def test_a_closed_document_is_forgotten():
    reader = Reader(FIRST)
    found, documents, _ = gathering(reader)
    reader.may.release()
    snapshot = replace(SNAPSHOT, session_id=documents.get(SNAPSHOT.uri).session_id)
    await found.select(snapshot, None)
    found.note_close(documents.close(SNAPSHOT.uri))
    assert found.current(snapshot) == Selection()
    found.close()
    found._thread._thread.join()
    assert reader.questions[-1] == snapshot.session_id
