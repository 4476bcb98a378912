"""Golden tests of what becomes of the model's text: one table, read from top to bottom."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.types import StopUnit
from plt_lsp.postprocess.shape import shape
from plt_lsp.reasons import EmptyReason
from plt_lsp.trigger import plan_for
from tests.lsp.snapshots import snapshot_at


@dataclass(frozen=True)
class Case:
    """`document` has the cursor at ‸; `raw` is what the model said; `expected` is the text or the reason for none."""

    name: str
    document: str
    raw: str
    expected: str | EmptyReason
    is_final: bool = False


BODY = "def f():\n    ‸\n    return x\n"
ELSE = "if b:\n        c\n    else:\n        d"

CASES = [
    Case("nothing follows", "x = ‸", "1 + 2", "1 + 2"),
    Case("white space at the end goes", "x = ‸", "1 + 2  \n\n", "1 + 2"),
    Case("the model's CRLF is one line end", "if x:‸", "\r\n    y\r\n    z", "\n    y\n    z"),
    Case("only white space", "x = ‸", " \n  \n", EmptyReason.BLANK),
    Case("nothing at all", "x = ‸", "", EmptyReason.BLANK),
    Case("more lines than are wanted", "‸", "a\nb\nc\nd\ne\nf\ng\nh\ni", "a\nb\nc\nd\ne\nf\ng\nh", is_final=True),
    # A single line, since text stands behind the cursor.
    Case("the bracket behind the cursor", "f(‸)", "a, b)", "a, b", is_final=True),
    Case("a bracket of the model's own", "f(‸)", "g(a), b)", "g(a), b", is_final=True),
    Case("a bracket in quotes", "f(‸)", '")", b)', '")", b', is_final=True),
    Case("a quoted quote in quotes", "f(‸)", '"\\")", b)', '"\\")", b', is_final=True),
    Case("another bracket comes first", "f(‸)", "a] + b", "a] + b"),
    Case("the bracket is not there yet", "f(‸)", "a, g(b", "a, g(b"),
    Case("brackets and more", "x[f(‸)]", "a)]", "a", is_final=True),
    Case("only what stands there already", "f(‸)", ")", EmptyReason.REPEATS_SUFFIX, is_final=True),
    Case("the quote behind the cursor", 'print("‸")', 'hello")', "hello", is_final=True),
    Case("an escaped quote", 'print("‸")', 'say \\"hi\\"")', 'say \\"hi\\"', is_final=True),
    Case("words behind the cursor", "for ‸ in items:", "item in items:", "item", is_final=True),
    Case("the beginning of those words", "for ‸ in items:", "item in", "item"),
    Case("a short rest", "a = ‸ b", "c + b", "c +"),
    Case("blanks behind the cursor are nothing", "f(a‸   ", ", b)", ", b)"),
    # A block, with lines below.
    Case("a line that is there already", BODY, "x = 1\n    return x", "x = 1", is_final=False),
    Case("and more after it", BODY, "x = 1\n    return x\nz", "x = 1", is_final=True),
    Case("its beginning", BODY, "x = 1\n    retu", "x = 1"),
    Case("too short to tell", BODY, "x = 1\n    r", "x = 1\n    r"),
    Case("blank lines between", "if a:\n    ‸\n\n\n    return x\n", "x = 1\n    return x\nz", "x = 1", True),
    Case("the first line repeats", BODY, "return x\n    y", EmptyReason.REPEATS_SUFFIX, True),
    Case("completed to what follows", "def f():\n    retu‸\n    return x\n", "rn x", EmptyReason.REPEATS_SUFFIX),
    Case("deeper, but telling", "if a:\n    ‸\nreturn total\n", "b()\n    return total\n", "b()", is_final=True),
    Case("deeper, and not telling", "if a:\n    ‸\nelse:\n", ELSE, ELSE),
    Case("a brace", "f() {\n  ‸\n}\n", "g();\n}\n", "g();", is_final=True),
    Case("CRLF below", "def f():\r\n    ‸\r\n    return x\r\n", "x = 1\n    return x\ny", "x = 1", is_final=True),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_shape(case):
    snapshot = snapshot_at(case.document)
    shaped = shape(case.raw, snapshot, plan_for(snapshot))
    assert (shaped.reason or shaped.text, shaped.is_final) == (case.expected, case.is_final)
    assert (shaped.text == "") == (shaped.reason is not None)


texts = st.lists(st.sampled_from(["a", "return x", "(", ")", '"', "'", "\\", "\n", "    ", "}", "é"]), max_size=12)


@given(texts.map("".join), texts.map("".join), texts.map("".join), texts.map("".join))
def test_what_is_final_stays_whatever_comes(before, after, raw, more):
    snapshot = snapshot_at(before + "‸" + after)
    plan = plan_for(snapshot)
    shaped = shape(raw, snapshot, plan)
    if shaped.is_final:
        assert shape(raw + more, snapshot, plan) == shaped


@given(texts.map("".join), texts.map("".join), texts.map("".join))
def test_the_text_is_a_beginning_of_the_models_own(before, after, raw):
    snapshot = snapshot_at(before + "‸" + after)
    plan = plan_for(snapshot)
    text = shape(raw, snapshot, plan).text
    assert raw.startswith(text)
    assert text == text.rstrip()
    assert plan.unit is not StopUnit.LINE or "\n" not in text
