"""The log of edits: what was where, followed through other edits, joined where it is one, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.context.workspace import RecentEdit
from plt_lsp.documents import Document, Edit
from plt_lsp.edit_log import MAX_EDITS, MAX_LINES, EditLog, Home, edit_of, followed
from plt_lsp.positions import Position, PositionEncoding

HOME = Home("/shop", "a.py", "python")
TEXT = "".join(f"line {i}\n" for i in range(12))


def document(text: str = TEXT, uri: str = "file:///shop/a.py") -> Document:
    return Document(uri, "python", 1, text, "buffer-1")


def typed(doc: Document, log: EditLog, line: int, start: int, end: int, text: str) -> None:
    doc.apply([Edit(Position(line, start), Position(line, end), text)], PositionEncoding.UTF32)
    log.note(doc.uri, doc.shifts)


def edits(log: EditLog, *docs: Document) -> tuple[RecentEdit, ...]:
    return log.edits("/shop", {doc.uri: doc.lines for doc in docs})


def test_typing_in_one_place_is_one_edit():
    doc, log = document(), EditLog()
    log.open(doc.uri, HOME)
    for i, char in enumerate("new"):
        typed(doc, log, 3, i, i, char)
    typed(doc, log, 3, 3, 3, "\n")
    assert edits(log, doc) == (RecentEdit("a.py", "python", 3, (), ("new\n",)),)


def test_what_is_typed_and_taken_back_is_no_edit():
    doc, log = document(), EditLog()
    log.open(doc.uri, HOME)
    typed(doc, log, 3, 0, 0, "x\ny")
    doc.apply([Edit(Position(3, 0), Position(4, 1), "")], PositionEncoding.UTF32)
    log.note(doc.uri, doc.shifts)
    assert edits(log, doc) == ()


def test_the_newest_edit_comes_first_and_older_ones_move_along():
    doc, log = document(), EditLog()
    log.open(doc.uri, HOME)
    typed(doc, log, 9, 0, 4, "LATE")
    typed(doc, log, 2, 0, 4, "a\nb")
    assert edits(log, doc) == (
        RecentEdit("a.py", "python", 2, ("line 2\n",), ("a\n", "b 2\n")),
        RecentEdit("a.py", "python", 10, ("line 9\n",), ("LATE 9\n",)),
    )


def test_edits_outlive_their_document_and_stay_in_their_folder():
    doc, log = document(), EditLog()
    log.open(doc.uri, HOME)
    typed(doc, log, 9, 0, 4, "LATE")
    log.close(doc.uri, doc.lines)
    assert [edit.after for edit in edits(log)] == [("LATE 9\n",)]
    assert log.edits("/elsewhere", {}) == ()


def test_a_text_that_came_whole_and_one_that_was_pasted_are_no_edits():
    doc, log = document(), EditLog()
    log.open(doc.uri, HOME)
    typed(doc, log, 9, 0, 4, "LATE")
    log.note(doc.uri, ())
    typed(doc, log, 2, 0, 0, "pasted\n" * (MAX_LINES + 1))
    assert edits(log, doc) == ()


def test_the_log_is_bounded():
    log = EditLog()
    docs = [document(uri=f"file:///shop/{i}.py") for i in range(40)]
    for doc in docs:
        log.open(doc.uri, HOME)
        for line in range(0, 12, 3):
            typed(doc, log, line, 0, 4, "X")
    assert len(edits(log, *docs)) == MAX_EDITS
    for doc in docs:
        log.close(doc.uri, doc.lines)
    assert len(edits(log)) == MAX_EDITS


def test_it_counts_the_edits_of_other_documents():
    log, (one, other) = EditLog(), (document(uri=uri) for uri in ("file:///shop/a.py", "file:///shop/b.py"))
    for doc in (one, other):
        log.open(doc.uri, HOME)
    typed(one, log, 0, 0, 0, "x")
    typed(other, log, 0, 0, 0, "x")
    typed(other, log, 0, 0, 0, "y")
    assert (log.num_elsewhere(one.uri), log.num_elsewhere(other.uri)) == (2, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 14), st.integers(0, 3), st.integers(0, 3), st.text("ab\n", max_size=4)), max_size=8
    )
)
def test_the_lines_before_in_the_place_of_those_after_give_the_text_of_before(changes):
    doc, hunks = document(), []
    for line, num_lines, column, text in changes:
        edit = Edit(Position(line, column), Position(line + num_lines, column), text)
        doc.apply([edit], PositionEncoding.UTF32)
        (shift,) = doc.shifts
        joins = sum(hunk.touches(shift) for hunk in hunks) > 1
        hunks = followed(hunks, shift, 1)
        if joins or len(hunks) > 5:
            return  # of places that are joined, or are too many, not all is known
    lines = list(doc.lines)
    for hunk in sorted(hunks, key=lambda hunk: hunk.first, reverse=True):
        found = edit_of(hunk, HOME, doc.lines)
        if found is not None:
            assert lines[found.first : found.first + len(found.after)] == list(found.after)
            lines[found.first : found.first + len(found.after)] = found.before
    assert "".join(lines) == TEXT
