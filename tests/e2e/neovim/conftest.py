"""Fixtures for the tests in real Neovim: a home, an init file, and an editor with the real server and model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE, Pack
from tests.e2e.neovim.editor import PLUGIN, Editor, clean_environment

START_S = 900
MODEL = "smollm2-135m"  # its texts stay as they are when the shipped model is trained on

INIT = """
vim.opt.runtimepath:prepend({plugin!r})
vim.opt.swapfile = false
{before}
local options = {options}
options.settings = vim.tbl_deep_extend("keep", options.settings or {{}}, {{ model = "{model}" }})
require("plt").setup(options)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the real editor, and some of it a model that takes long to load."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(START_S))


Open = Callable[..., Editor]


@pytest.fixture(scope="module")
def open_editor(smollm2_pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Starts editors with the plugin set up: `open_editor(options, before)`, both Lua."""
    editors: list[Editor] = []

    def start(options: str = "{}", before: str = "") -> Editor:
        home = tmp_path_factory.mktemp("home")
        init = home / "init.lua"
        init.write_text(INIT.format(plugin=str(PLUGIN), options=options, before=before, model=MODEL))
        environment = clean_environment(home, **{DATA_DIR_VARIABLE: str(smollm2_pack.folder.parent.parent)})
        editors.append(Editor.start(environment, init, home / "project"))
        return editors[-1]

    yield start
    for editor in editors:
        editor.close()


@pytest.fixture(scope="module")
def editor(open_editor: Open) -> Editor:
    """One editor for the tests of a module, whose model is loaded once; no deadline makes its texts depend on speed."""
    limits = "maxLines = 4, deadlineMs = 120000, latencyBudgetMs = 120000"
    return open_editor(f"{{ stream = false, settings = {{ inlineCompletion = {{ {limits} }} }} }}")
