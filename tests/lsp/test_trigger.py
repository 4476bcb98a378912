"""When a completion is asked for and how much of it: rules over snapshots."""

from dataclasses import replace

import pytest

from plt_engine.types import StopUnit
from plt_lsp.activity import Activity
from plt_lsp.documents import Edit, FullText
from plt_lsp.exclusions import is_excluded
from plt_lsp.positions import Position
from plt_lsp.reasons import EmptyReason
from plt_lsp.settings import InlineCompletionSettings, Settings, TriggerMode
from plt_lsp.trigger import MAX_WAIT_MS, Plan, decide, indent_columns, wait_ms
from tests.lsp.snapshots import snapshot_at

MANUAL = Settings(inline_completion=InlineCompletionSettings(trigger=TriggerMode.MANUAL))
IDLE = Activity()
LINE, BLOCK = StopUnit.LINE, StopUnit.BLOCK


@pytest.mark.parametrize(
    ("document", "plan"),
    [
        ("f(‸)", Plan(LINE, 0, 1)),
        ("    x = ‸ # why", Plan(LINE, 0, 1)),
        ("    x = ‸", Plan(LINE, 0, 1)),
        ("    x = ‸   ", Plan(LINE, 0, 1)),
        ("    if x:‸", Plan(BLOCK, 4, 8)),
        ("def f():\n    ‸\n", Plan(BLOCK, 4, 8)),
        ("\t\t‸\r\n", Plan(BLOCK, 16, 8)),
        ("  \t‸", Plan(BLOCK, 8, 8)),
        ("‸", Plan(BLOCK, 0, 8)),
    ],
)
def test_a_line_or_a_block_by_the_place_of_the_cursor(document, plan):
    assert decide(snapshot_at(document), IDLE, is_automatic=True) == plan


@pytest.mark.parametrize(
    ("document", "settings", "is_automatic", "reason"),
    [
        ("x‸", Settings(enable=False), False, EmptyReason.DISABLED),
        ("x‸", Settings(disabled_languages=("go", "python")), False, EmptyReason.LANGUAGE_DISABLED),
        ("x‸", MANUAL, True, EmptyReason.MANUAL_ONLY),
        ("wo‸rd", Settings(), True, EmptyReason.MID_WORD),
        ("a_‸1", Settings(), True, EmptyReason.MID_WORD),
        ("ü‸ü", Settings(), True, EmptyReason.MID_WORD),
        ("f(‸ " + "x" * 81, Settings(), True, EmptyReason.TEXT_AFTER),
        ("x‸", Settings(excluded_files=("*.py",)), False, EmptyReason.EXCLUDED),
    ],
)
def test_the_reasons_for_asking_nothing(document, settings, is_automatic, reason):
    assert decide(snapshot_at(document, settings), IDLE, is_automatic=is_automatic) is reason


@pytest.mark.parametrize(
    ("document", "settings", "is_automatic"),
    [
        ("x‸", MANUAL, False),
        ("wo‸rd", Settings(), False),
        ("word‸ next", Settings(), True),
        ("x.‸name", Settings(), True),
        ("‸word", Settings(), True),
        ("f(‸ " + "x" * 80, Settings(), True),
        ("f(‸ " + "x" * 81, Settings(), False),
        ("x‸", Settings(excluded_files=("*.js", "src/*")), True),
        ("x‸", Settings(disabled_languages=("go",)), True),
    ],
)
def test_what_is_no_reason(document, settings, is_automatic):
    assert isinstance(decide(snapshot_at(document, settings), IDLE, is_automatic=is_automatic), Plan)


def test_the_most_lines_are_the_settings():
    settings = replace(Settings(), inline_completion=InlineCompletionSettings(max_lines=3))
    assert decide(snapshot_at("‸", settings), IDLE, is_automatic=True) == Plan(BLOCK, 0, 3)


@pytest.mark.parametrize(("line", "columns"), [("", 0), ("x", 0), ("   x", 3), ("\tx", 8), ("  \t x\t", 9), ("   ", 3)])
def test_the_width_of_an_indentation(line, columns):
    assert indent_columns(line) == columns


def test_several_texts_are_for_those_who_ask():
    settings = replace(Settings(), inline_completion=InlineCompletionSettings(alternatives=4))
    for is_automatic, num_texts in ((True, 1), (False, 4)):
        plan = decide(snapshot_at("‸", settings), IDLE, is_automatic=is_automatic)
        assert isinstance(plan, Plan)
        assert plan.num_texts == num_texts


def typed(text: str, at: int = 0) -> Edit:
    return Edit(Position(0, at), Position(0, at), text)


def erased(first: int, last: int) -> Edit:
    return Edit(Position(0, first), Position(0, last), "")


def after(*steps) -> Activity:
    """The activity after steps, each a list of changes, the text's fingerprint, and the clock."""
    activity = IDLE
    for changes, fingerprint, now_ms in steps:
        activity = activity.after(changes, fingerprint, now_ms)
    return activity


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([([typed("a")], 1, 0)], None),
        ([([erased(0, 1)], 1, 0)], EmptyReason.DELETING),
        ([([erased(0, 1), erased(3, 9)], 1, 0)], EmptyReason.DELETING),
        ([([erased(0, 1), typed("a")], 1, 0)], None),
        ([([erased(0, 1)], 1, 0), ([typed("a")], 2, 100)], None),
        ([([Edit(Position(0, 0), Position(0, 3), "b")], 1, 0)], None),
        ([([FullText("a")], 1, 0)], None),
        ([([], 1, 0)], None),
        # A word erased and put back by undo; the same typed anew; a paste over a selection, undone and redone.
        ([([typed("a")], 1, 0), ([erased(0, 9)], 2, 1), ([typed("word, word")], 1, 2)], EmptyReason.UNDOING),
        ([([typed("a")], 1, 0), ([erased(0, 1)], 2, 1), ([typed("a")], 1, 2)], None),
        (
            [
                ([typed("a")], 1, 0),
                ([Edit(Position(0, 0), Position(0, 1), "pasted")], 2, 1),
                ([Edit(Position(0, 0), Position(0, 6), "a")], 1, 2),
            ],
            EmptyReason.UNDOING,
        ),
    ],
)
def test_taking_away_and_putting_back_are_no_occasions(steps, reason):
    found = decide(snapshot_at("x = ‸"), after(*steps), is_automatic=True)
    assert (found if isinstance(found, EmptyReason) else None) is reason
    assert isinstance(decide(snapshot_at("x = ‸"), after(*steps), is_automatic=False), Plan)


def test_a_state_is_forgotten_after_many_others():
    steps = [([typed("word")], i, i) for i in range(60)]
    assert not after(*steps, ([typed("word")], 0, 60)).is_undoing
    assert after(*steps, ([typed("word")], 59, 60)).is_undoing


def keys(*times_ms: float) -> Activity:
    """The activity after key presses at these times."""
    return after(*[([typed("a")], i, now_ms) for i, now_ms in enumerate(times_ms)])


@pytest.mark.parametrize(
    ("activity", "latency_ms", "now_ms", "wait"),
    [
        (IDLE, 500, 0, 0),  # nothing was typed
        (keys(0), 500, 0, 0),  # one key press has no speed
        (keys(0, 100), None, 100, 0),  # nothing is known of the engine
        (keys(0, 100), 100, 100, 0),  # the answer is there before the next key press
        (keys(0, 100), 101, 100, 150),
        (keys(0, 100), 500, 180, 70),  # a part of the pause is over
        (keys(0, 100), 500, 300, 0),
        (keys(0, 200, 400, 500), 500, 500, 255),  # the newest interval counts 0.3 in the mean of 200 and 100
        (keys(0, 800), 900, 800, MAX_WAIT_MS),
        (keys(0, 1501), 9000, 1501, 0),  # a pause is no speed
    ],
)
def test_the_wait_follows_typing_speed_and_latency(activity, latency_ms, now_ms, wait):
    assert wait_ms(activity, latency_ms, now_ms) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        (".env", ".env", True),
        ("deploy/.env", ".env", True),
        ("deploy/.env.local", ".env.*", True),
        ("environment.py", ".env", False),
        ("a/KEYS/site.PEM", "*.pem", True),
        ("src/gen/a.py", "src/*.py", False),
        ("src/gen/a.py", "src/**/*.py", True),
        ("src/a.py", "src/**/*.py", True),
        ("src/gen/a.py", "src/**", True),
        ("src/gen/a.py", "/src/gen/?.py", True),
        ("lib/src/a.py", "src/**", False),
        ("a/vendor/b/c.js", "**/vendor/**", True),
        ("a1.py", "a[0-9].py", True),
        ("ab.py", "a[!0-9].py", True),
        ("a1.py", "a[!0-9].py", False),
        ("a[.py", "a[.py", True),
        ("[z-a].py", "[z-a].py", True),
        ("a.py", "", False),
        (None, "*", False),
    ],
)
def test_files_are_excluded_by_globs(path, pattern, matches):
    assert is_excluded(path, [pattern]) is matches
