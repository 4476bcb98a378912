"""The loop count and the latency budget in real Neovim: switched by `:Plt`, seen in the status of the next answer."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE
from tests.e2e.neovim.conftest import INIT
from tests.e2e.neovim.editor import PLUGIN, Editor, clean_environment, until
from tests.packs import tiny_pack

OPTIONS = """{ settings = { model = "tiny", inlineCompletion = { deadlineMs = 120000, latencyBudgetMs = 120000 } } }"""
TEXT = "def add(first, second):\n    return first + second\n\n\n"


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with a tiny PLT pack whose loop counts 1 and 2 are certified."""
    tiny_pack(tmp_path / "data" / "packs" / "tiny", loops=2)
    init = tmp_path / "init.lua"
    init.write_text(INIT.format(plugin=str(PLUGIN), options=OPTIONS, before="", model="tiny"))
    home = tmp_path / "home"
    environment = clean_environment(home, **{DATA_DIR_VARIABLE: str(tmp_path / "data")})
    with Editor.start(environment, init, home / "project") as editor:
        path = tmp_path / "loops.py"
        path.write_text(TEXT)
        editor.edit(path)
        editor.keys("Go")
        yield editor


def complete(editor: Editor, text: str) -> dict:
    """Type and ask by key; what was chosen for the text that is generated."""
    before = (editor.status() or {}).get("decision")
    editor.type(text)
    editor.keys("<M-\\>")

    def look() -> dict | None:
        time.sleep(0.2)
        now = (editor.status() or {}).get("decision")
        return now if now != before else None

    return until(look, lambda: f"a decision ({editor.statusline()}; {editor.lines()[-1]!r})", patience_s=60)


def test_the_loop_count_and_the_budget_are_switched_and_the_next_answer_follows(editor: Editor) -> None:
    assert complete(editor, "value = ")["loops"] == 2
    for count in (1, 2):
        editor.nvim.command(f"Plt loops {count}")
        until(lambda count=count: editor.status()["loops"] == count, "the count to be taken")
        decision = complete(editor, "a")
        assert (decision["loops"], decision["askedLoops"]) == (count, count)
        until(lambda count=count: f"R={count}" in editor.statusline(), "the statusline to tell it")

    editor.nvim.command("Plt budget 400")
    until(lambda: editor.status()["budgetsMs"]["typing"] == 400, "the budget to be taken")
    editor.nvim.command("Plt loops auto")
    until(lambda: editor.status()["loops"] == "auto", "auto to be taken")
    editor.nvim.command("Plt loops 3")
    until(lambda: "evidence" in editor.nvim.funcs.execute("messages"), "the refusal")
    assert editor.status()["loops"] == "auto"
    told = "\n".join(editor.lua('return require("plt.status").report_lines(require("plt.state").server)'))
    assert "loops     auto, 400 ms while typing" in told
