"""When a completion is asked for and how much of it: rules over snapshots."""

from dataclasses import replace

import pytest

from plt_engine.types import StopUnit
from plt_lsp.reasons import EmptyReason
from plt_lsp.settings import InlineCompletionSettings, Settings, TriggerMode
from plt_lsp.trigger import Plan, decide, indent_columns
from tests.lsp.snapshots import snapshot_at

MANUAL = Settings(inline_completion=InlineCompletionSettings(trigger=TriggerMode.MANUAL))
LINE, BLOCK = StopUnit.LINE, StopUnit.BLOCK


@pytest.mark.parametrize(
    ("document", "plan"),
    [
        ("f(‸)", Plan(LINE, 0, 1)),
        ("    x = ‸ # why", Plan(LINE, 0, 1)),
        ("    x = ‸", Plan(BLOCK, 4, 8)),
        ("    x = ‸   ", Plan(BLOCK, 4, 8)),
        ("def f():\n    ‸\n", Plan(BLOCK, 4, 8)),
        ("\t\t‸\r\n", Plan(BLOCK, 16, 8)),
        ("  \t‸", Plan(BLOCK, 8, 8)),
        ("‸", Plan(BLOCK, 0, 8)),
    ],
)
def test_a_line_where_text_follows_and_else_a_block(document, plan):
    assert decide(snapshot_at(document), is_automatic=True) == plan


@pytest.mark.parametrize(
    ("document", "settings", "is_automatic", "reason"),
    [
        ("x‸", Settings(enable=False), False, EmptyReason.DISABLED),
        ("x‸", Settings(disabled_languages=("go", "python")), False, EmptyReason.LANGUAGE_DISABLED),
        ("x‸", MANUAL, True, EmptyReason.MANUAL_ONLY),
        ("wo‸rd", Settings(), True, EmptyReason.MID_WORD),
        ("a_‸1", Settings(), True, EmptyReason.MID_WORD),
        ("ü‸ü", Settings(), True, EmptyReason.MID_WORD),
    ],
)
def test_the_reasons_for_asking_nothing(document, settings, is_automatic, reason):
    assert decide(snapshot_at(document, settings), is_automatic=is_automatic) is reason


@pytest.mark.parametrize(
    ("document", "settings", "is_automatic"),
    [
        ("x‸", MANUAL, False),
        ("wo‸rd", Settings(), False),
        ("word‸ next", Settings(), True),
        ("x.‸name", Settings(), True),
        ("‸word", Settings(), True),
        ("x‸", Settings(disabled_languages=("go",)), True),
    ],
)
def test_what_is_no_reason(document, settings, is_automatic):
    assert isinstance(decide(snapshot_at(document, settings), is_automatic=is_automatic), Plan)


def test_the_most_lines_are_the_settings():
    settings = replace(Settings(), inline_completion=InlineCompletionSettings(max_lines=3))
    assert decide(snapshot_at("‸", settings), is_automatic=True) == Plan(BLOCK, 0, 3)


@pytest.mark.parametrize(("line", "columns"), [("", 0), ("x", 0), ("   x", 3), ("\tx", 8), ("  \t x\t", 9), ("   ", 3)])
def test_the_width_of_an_indentation(line, columns):
    assert indent_columns(line) == columns


def test_several_texts_are_for_those_who_ask():
    settings = replace(Settings(), inline_completion=InlineCompletionSettings(alternatives=4))
    for is_automatic, num_texts in ((True, 1), (False, 4)):
        plan = decide(snapshot_at("‸", settings), is_automatic=is_automatic)
        assert isinstance(plan, Plan)
        assert plan.num_texts == num_texts
