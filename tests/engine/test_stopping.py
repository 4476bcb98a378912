"""Where a text ends, by rule; and that what was shown as it grew is what it ends as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.stopping import TextStopper
from plt_engine.types import FinishReason, StopSpec, StopUnit, indent_columns

LINE = StopSpec(unit=StopUnit.LINE)
STOP = StopSpec(strings=("\n\n", "END"))


def block(columns):
    return StopSpec(unit=StopUnit.BLOCK, indent_columns=columns)


CASES = [
    ("a line", LINE, "x = 1\ny", "x = 1", FinishReason.END_OF_LINE),
    ("a line ended by CR LF", LINE, "x = 1\r\ny", "x = 1", FinishReason.END_OF_LINE),
    ("an empty line", LINE, "\nx", "", FinishReason.END_OF_LINE),
    ("a line that goes on", LINE, "x = 1", "x = 1", None),
    ("a stop string", STOP, "a\n\nb", "a", FinishReason.STOP_STRING),
    ("the earlier of two", STOP, "aENDb\n\n", "a", FinishReason.STOP_STRING),
    ("a body", block(0), "\n    a\n    b\ndef", "\n    a\n    b", FinishReason.END_OF_BLOCK),
    ("a body with a blank line", block(0), "\n    a\n\n    b\ndef", "\n    a\n\n    b", FinishReason.END_OF_BLOCK),
    ("a body with deeper lines", block(4), "\n        a:\n            b\n    c", "\n        a:\n            b",
     FinishReason.END_OF_BLOCK),
    ("a body that a bracket closes", block(0), " {\n    a\n}\nb", " {\n    a\n}", FinishReason.END_OF_BLOCK),
    ("a bracket not yet whole", block(0), " {\n    a\n}", " {\n    a\n}", None),
    ("statements", block(4), "a\n    b\nc", "a\n    b", FinishReason.END_OF_BLOCK),
    ("statements and a blank line", block(4), "a\n    b\n\n    c", "a\n    b", FinishReason.END_OF_BLOCK),
    ("two blank lines", block(0), "\n    a\n\n\n    b", "\n    a", FinishReason.END_OF_BLOCK),
    ("a dedent at once", block(8), "a\n    b", "a", FinishReason.END_OF_BLOCK),
    ("tabs", block(8), "a\n\tb\nc", "a\n\tb", FinishReason.END_OF_BLOCK),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "text", "expected", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_text_ends_at_the_same_place_however_it_comes(spec, text, expected, reason, size):
    stopper = TextStopper(spec)
    shown, ended = "", None
    for i in range(0, len(text), size):
        piece, ended = stopper.push(text[i : i + size])
        shown += piece
        if ended is not None:
            break
    if ended is None:
        shown += stopper.flush()
    assert (shown, stopper.text, ended) == (expected, expected, reason)


@given(
    st.text(alphabet="ab \n\r\t}E", max_size=60),
    st.integers(1, 5),
    st.sampled_from([StopSpec(), LINE, block(0), block(4), StopSpec(strings=("ab", "\n\n", "Ea"))]),
)
def test_what_was_shown_is_never_taken_back(text, size, spec):
    stopper = TextStopper(spec)
    shown, ended = "", None
    for i in range(0, len(text), size):
        piece, ended = stopper.push(text[i : i + size])
        shown += piece
        assert stopper.text.startswith(shown)
        if ended is not None:
            break
    if ended is None:
        shown += stopper.flush()
    assert shown == stopper.text
    assert text.startswith(shown)
    for string in spec.strings:
        assert string not in shown


def test_the_end_of_a_stop_string_is_held_back_until_it_is_certain():
    stopper = TextStopper(STOP)
    assert stopper.push("aEN") == ("a", None)
    assert stopper.push("x") == ("ENx", None)


@pytest.mark.parametrize(("line", "width"), [("x", 0), ("  x", 2), ("\tx", 8), ("  \tx", 8), ("", 0), ("   ", 3)])
def test_indent_columns(line, width):
    assert indent_columns(line) == width
