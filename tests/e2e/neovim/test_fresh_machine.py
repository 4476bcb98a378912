"""The documented steps, from a home with nothing in it to the first ghost text, and the documents themselves.

The steps are read from the plugin's README, so that it cannot tell of others.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.neovim.editor import PLUGIN, ROOT, Editor, clean_environment, nvim_binary, until

README = (PLUGIN / "README.md").read_text()
CLONE = "/path/to/plt-lsp"


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def section(title: str) -> str:
    """A section of the README."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#)", README, re.DOTALL | re.MULTILINE)
    assert found, f"the README has no section {title!r}"
    return found[1]


def test_from_an_empty_home_to_the_first_ghost_text(tmp_path: Path) -> None:
    """`pip install` is left out: its command is the one of this environment, with the model that comes with it."""
    home = tmp_path / "home"
    environment = clean_environment(home)
    assert blocks(section("Install"), "sh")[0].splitlines() == ["pip install plt-lsp"]
    config = home / "config" / "nvim" / "init.lua"
    config.parent.mkdir(parents=True)
    (code,) = blocks(section("Without a plugin manager"), "lua")
    config.write_text(code.replace(CLONE, str(ROOT)))
    project = home / "project"
    project.mkdir()
    (project / "mean.py").write_text("def mean(values):\n    return sum(values) / len(values)\n")
    with Editor.start(environment, None, project) as editor:
        editor.edit(project / "mean.py")
        editor.keys("Go")
        editor.type("print(mea")
        ghost = editor.until_ghost()
        editor.keys("<Tab>")
        until(lambda: editor.text().endswith("print(mea" + ghost["text"]), "the text to be accepted")
        editor.keys("<Esc>")
        editor.nvim.command("helptags ALL")
        check_health(editor)
        check_help(editor)


def check_health(editor: Editor) -> None:
    editor.nvim.command("checkhealth plt")
    report = until(lambda: "trigger: <M-\\>" in editor.text() and editor.text(), "the health report")
    assert "ERROR" not in report
    assert "WARNING" not in report
    for expected in ("ghost text is drawn by the plugin", "plt-lsp serve: plt-lsp 0.", "the engine is running"):
        assert expected in report
    editor.nvim.command("bwipeout!")


def check_help(editor: Editor) -> None:
    for tag in ("plt", "plt-setup", "plt-keys", ":Plt", "plt-settings", "PltGhost"):
        editor.nvim.command(f"help {tag}")
        assert editor.nvim.funcs.expand("%:t") == "plt.txt"
        assert f"*{tag}*" in editor.nvim.api.get_current_line()


def test_health_names_what_is_missing(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path)
    init = tmp_path / "init.lua"
    for setup, expected in (
        ("", "setup() was not called"),
        ("require('plt').setup({ cmd = { '/nowhere/plt-lsp', 'serve' } })", "was not found"),
        ("require('plt').setup({ cmd = { '/bin/false', 'serve' } })", "/bin/false does not run (exit code 1)"),
    ):
        init.write_text(f"vim.opt.runtimepath:prepend({str(PLUGIN)!r})\n{setup}\n")
        with Editor.start(environment, init, tmp_path) as editor:
            editor.nvim.command("checkhealth plt")
            until(lambda editor=editor, expected=expected: expected in editor.text(), editor.text)


def test_a_missing_model_is_told_of_with_the_command_that_builds_it(tmp_path: Path) -> None:
    init = tmp_path / "init.lua"
    settings = 'settings = { model = "smollm2-135m" }'
    init.write_text(f"vim.opt.runtimepath:prepend({str(PLUGIN)!r})\nrequire('plt').setup({{ {settings} }})\n")
    with Editor.start(clean_environment(tmp_path), init, tmp_path) as editor:
        editor.keys(f":edit {tmp_path / 'a.py'}<CR>")
        editor.until_attached()
        editor.keys("ix = ")
        until(lambda: editor.statusline() == "plt: no model", editor.statusline)
        said = until(lambda: editor.nvim.command_output("messages"), "a message")
        assert "plt-lsp models build smollm2-135m" in said


@pytest.mark.parametrize("code", blocks(README, "lua"))
def test_each_lua_example_of_the_readme_can_be_read(code: str, tmp_path: Path) -> None:
    example = tmp_path / "example.lua"
    example.write_text(f"return {code}" if code.startswith("{") else code)
    done = subprocess.run(
        [nvim_binary(), "--clean", "-l", "-"],
        input=f"assert(loadfile({str(example)!r}))",
        env=clean_environment(tmp_path),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "example.lua").write_text(next(code for code in blocks(README, "lua") if "debounce_ms" in code))
    check = f"""
    vim.opt.runtimepath:prepend({str(PLUGIN)!r})
    local shown
    package.loaded.plt = {{ setup = function(options) shown = options end }}
    dofile({str(tmp_path / "example.lua")!r})
    assert(vim.deep_equal(shown, require("plt.config").defaults()), vim.inspect(shown))
    """
    done = subprocess.run(
        [nvim_binary(), "--clean", "-l", "-"], input=check, env=clean_environment(tmp_path), text=True, check=False
    )
    assert done.returncode == 0
