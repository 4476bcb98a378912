"""The plugin in real Neovim beside a scripted server: what it draws and does with whatever a server may answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.neovim.editor import PLUGIN, Editor, clean_environment, until

INIT = f"""
vim.opt.runtimepath:prepend({str(PLUGIN)!r})
vim.opt.swapfile = false
vim.g.mapleader = " "
dofile({str(PLUGIN / "tests" / "scripted_server.lua")!r}).install()
require("plt").setup({{ debounce_ms = 0 }})
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    home = tmp_path_factory.mktemp("home")
    init = home / "init.lua"
    init.write_text(INIT)
    with Editor.start(clean_environment(home), init, home / "project") as editor:
        yield editor


@pytest.fixture
def editor(shared: Editor, tmp_path: Path) -> Editor:
    """An empty Python buffer in Insert mode, and a server that suggests nothing yet."""
    shared.keys("<Esc>")
    shared.lua("scripted.texts, scripted.holds_back, scripted.received, scripted.waiting = {}, false, {}, {}")
    shared.nvim.command("silent! only!")
    shared.edit(tmp_path / "text.py")
    shared.keys("i")
    return shared


def suggest(editor: Editor, *texts: str, command: str | None = None) -> None:
    """Have the server suggest these texts, each from the beginning of the line that it is asked about."""
    editor.lua("scripted.texts, scripted.command = ...", list(texts), command)


def show(editor: Editor, before: str, *texts: str, after: str = "", command: str | None = None) -> dict[str, Any]:
    """Type a line, ask by key, and wait for the first text to be drawn."""
    editor.type(before + after)
    editor.keys("<Left>" * len(after))
    until(lambda: editor.lines()[editor.cursor()[0]].endswith(after), "the text to be typed")
    suggest(editor, *texts, command=command)
    editor.keys("<M-\\>")
    return editor.until_ghost()


def received(editor: Editor, method: str) -> list[Any]:
    return list(editor.lua("return scripted.of(...)", method))


def screen_line(editor: Editor, row: int) -> str:
    """A row of the screen as it is drawn, from 1."""
    code = """
    vim.cmd.redraw()
    local row, cells = ..., {}
    for col = 1, vim.o.columns do table.insert(cells, vim.fn.screenstring(row, col)) end
    return vim.trim(table.concat(cells))
    """
    return str(editor.lua(code, row))


def test_the_first_line_stands_at_the_cursor_and_the_others_below(editor: Editor) -> None:
    ghost = show(editor, "if ", "if x:\n    y()\nz")
    assert ghost == {"row": 0, "col": 3, "text": "x:\n    y()\nz", "place": "inline", "marks": 1}
    assert [screen_line(editor, row) for row in (1, 2, 3, 4)] == ["if x:", "y()", "z", "~"]
    assert editor.lines() == ["if "]


def test_typing_the_same_text_keeps_it_without_asking_again(editor: Editor) -> None:
    show(editor, "re", "return value")
    asked = len(received(editor, "textDocument/inlineCompletion"))
    for typed, rest in (("t", "urn value"), ("urn", " value"), (" ", "value")):
        editor.type(typed)
        assert editor.until_ghost(lambda ghost, rest=rest: ghost["text"] == rest)["marks"] == 1
    editor.keys("<BS>")
    assert editor.until_ghost(lambda ghost: ghost["text"] == " value")
    assert len(received(editor, "textDocument/inlineCompletion")) == asked


def test_what_is_drawn_is_never_stale_at_any_redraw(editor: Editor) -> None:
    """Every state that a change leaves behind is looked at inside Neovim, at once, as a redraw would see it."""
    show(editor, "re", "return value")
    editor.lua(
        """
        _G.states = {}
        local namespace = vim.api.nvim_get_namespaces()["plt.ghost"]
        vim.api.nvim_buf_attach(0, false, { on_lines = function()
          local mark = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })[1]
          local line = vim.api.nvim_get_current_line()
          table.insert(_G.states, { line, mark and mark[4].virt_text[1][1] or "" })
        end })
        """
    )
    editor.lua("scripted.texts = {}")
    editor.type("turn!")
    until(lambda: editor.lines() == ["return!"], "the text to be typed")
    assert editor.lua("return _G.states") == [
        ["ret", "urn value"],
        ["retu", "rn value"],
        ["retur", "n value"],
        ["return", " value"],
        ["return!", ""],
    ]
    assert editor.ghost() is None


def test_the_line_break_is_typed_through_with_its_indentation(editor: Editor) -> None:
    editor.nvim.command("setlocal autoindent indentexpr=")
    show(editor, "  a", "  a(\n  b\n")
    editor.type("(")
    editor.keys("<CR>")
    ghost = editor.until_ghost(lambda ghost: ghost["row"] == 1)
    assert editor.lines() == ["  a(", "  "]
    assert (ghost["col"], ghost["text"]) == (2, "b\n")
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["  a(", "  b", ""], "the text to be accepted")


def test_other_text_drops_it_and_asks_anew(editor: Editor) -> None:
    show(editor, "re", "return value")
    suggest(editor)
    editor.type("x")
    editor.until_no_ghost()
    until(lambda: received(editor, "textDocument/inlineCompletion")[-1]["position"]["character"] == 3, "a new request")
    assert received(editor, "textDocument/inlineCompletion")[-1]["context"] == {"triggerKind": 2}


def test_moving_leaving_and_other_edits_drop_it(editor: Editor) -> None:
    for keys in ("<Left>", "<Esc>a<C-o>0", "<Esc>"):
        editor.keys("<Esc>S")
        show(editor, "re", "return value")
        suggest(editor)
        editor.keys(keys)
        editor.until_no_ghost()
    editor.keys("S")
    show(editor, "re", "return value")
    suggest(editor)
    editor.lua("vim.api.nvim_buf_set_text(0, 0, 0, 0, 2, { 'xy' })")
    assert editor.ghost() is None


def test_a_line_that_is_put_in_above_moves_it_along(editor: Editor) -> None:
    show(editor, "re", "return value")
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, 0, false, { '# above' })")
    ghost = editor.ghost()
    assert ghost
    assert (ghost["row"], ghost["text"]) == (1, "turn value")
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["# above", "return value"], "the text to be accepted")


def test_accept_whole_then_undo_takes_back_just_that(editor: Editor) -> None:
    show(editor, "if ", "if x:\n    y()", after=" # end")
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["if x:", "    y() # end"], "the text to be accepted")
    assert editor.cursor() == (1, 7)
    assert editor.ghost() is None
    editor.type("!")
    editor.keys("<Esc>u")
    assert until(lambda: editor.lines() == ["if x:", "    y() # end"], "the typing to be undone")
    editor.keys("u")
    assert until(lambda: editor.lines() == ["if  # end"], "the accept to be undone")
    editor.keys("<C-r>")
    assert until(lambda: editor.lines() == ["if x:", "    y() # end"], "the accept to be redone")


def test_accept_by_words_and_lines(editor: Editor) -> None:
    show(editor, "", "a.größe(\n\t1)\nb")
    expected = (
        ("<M-f>", ["a"]),
        ("<M-f>", ["a."]),
        ("<M-f>", ["a.größe"]),
        ("<M-e>", ["a.größe("]),
        ("<M-f>", ["a.größe(", "\t1"]),
        ("<M-e>", ["a.größe(", "\t1)"]),
        ("<M-e>", ["a.größe(", "\t1)", "b"]),
    )
    for keys, lines in expected:
        editor.keys(keys)
        until(lambda lines=lines: editor.lines() == lines, f"{lines}")
    assert editor.ghost() is None


def test_the_command_runs_once_all_is_accepted_and_not_before(editor: Editor) -> None:
    show(editor, "", "one two", command="plt.accepted")
    editor.keys("<M-f>")
    editor.until_ghost(lambda ghost: ghost["text"] == " two")
    assert received(editor, "workspace/executeCommand") == []
    editor.keys("<Tab>")
    until(lambda: received(editor, "workspace/executeCommand"), "the command")
    assert received(editor, "workspace/executeCommand") == [{"command": "plt.accepted", "arguments": ["one two"]}]


def test_next_and_previous_go_round(editor: Editor) -> None:
    show(editor, "x", "x1", "x2", "x3")
    for keys, text in (("<M-n>", "2"), ("<M-n>", "3"), ("<M-n>", "1"), ("<M-p>", "3")):
        editor.keys(keys)
        editor.until_ghost(lambda ghost, text=text: ghost["text"] == text)
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["x3"], "the text to be accepted")


def test_next_asks_for_more_where_one_came_by_itself(editor: Editor) -> None:
    suggest(editor, "x1")
    editor.type("x")
    editor.until_ghost()
    suggest(editor, "x1", "x2")
    editor.keys("<M-n>")
    editor.until_ghost(lambda ghost: ghost["text"] == "2")
    assert received(editor, "textDocument/inlineCompletion")[-1]["context"] == {"triggerKind": 1}


def test_the_others_follow_what_is_typed(editor: Editor) -> None:
    show(editor, "x", "x1a", "x2b", "x2c")
    suggest(editor)
    for keys, text in (("<M-n>", "2b"), ("2", "b"), ("<M-n>", "c"), ("<M-p>", "b")):
        editor.keys(keys)
        editor.until_ghost(lambda ghost, text=text: ghost["text"] == text)
    editor.keys("<M-f>")
    until(lambda: editor.lines() == ["x2b"], "the text to be accepted")


def asked_kinds(editor: Editor) -> list[int]:
    return [params["context"]["triggerKind"] for params in received(editor, "textDocument/inlineCompletion")]


def progress(editor: Editor, text: str, *, done: bool = False, **more: object) -> None:
    params = {"text": text, "done": done, "cancelled": False, **more}
    code = "local p = ...; p.requestId = p.requestId or scripted.last_id; scripted.notify(p.method, p)"
    editor.lua(code, {"method": "plt/inlineCompletionProgress", **params})


def test_a_suggestion_grows_while_it_is_written(editor: Editor) -> None:
    editor.lua("scripted.holds_back = true")
    suggest(editor, "x1", command="plt.accepted")
    editor.type("x")
    until(lambda: editor.lines() == ["x"], "the text to be typed")
    editor.keys("<M-\\>")
    until(lambda: asked_kinds(editor)[-1:] == [1], "the request")
    progress(editor, "1")
    assert editor.until_ghost()["text"] == "1"
    editor.lua("scripted.release()")
    for text, done in (("1\n2", False), ("1\n2\n3", True)):
        progress(editor, text, done=done)
        editor.until_ghost(lambda ghost, text=text: ghost["text"] == text)
    progress(editor, "other", requestId=-1)
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["x1", "2", "3"], "the text to be accepted")
    until(lambda: received(editor, "workspace/executeCommand"), "the command")


def test_typing_into_what_grows_asks_for_more_of_it(editor: Editor) -> None:
    show(editor, "x", "x1")
    progress(editor, "12")
    editor.until_ghost(lambda ghost: ghost["text"] == "12")
    suggest(editor, "x123")
    editor.type("1")
    editor.until_ghost(lambda ghost: ghost["text"] == "23")


def test_the_status_is_what_the_server_tells(editor: Editor) -> None:
    cases = (
        ("Busy", "loading", "plt: loading"),
        ("Error", "no_pack", "plt: no model"),
        ("Warning", "engine_died", "plt: engine died"),
        ("Normal", None, "plt: ready"),
    )
    editor.lua("_G.told = 0")
    editor.nvim.command("autocmd User PltStatus lua told = told + 1")
    for i, (kind, reason, line) in enumerate(cases):
        editor.lua("scripted.notify('plt/didChangeStatus', scripted.status(...))", kind, reason, "because")
        until(lambda line=line: editor.statusline() == line, editor.statusline)
        until(lambda i=i: editor.lua("return told") > i, "the event")
    assert received(editor, "plt/status") == []


def test_dismiss_drops_it_and_nothing_comes_back_by_itself(editor: Editor) -> None:
    show(editor, "x", "x1")
    asked = len(received(editor, "textDocument/inlineCompletion"))
    assert received(editor, "plt/didDismissCompletion") == []
    editor.keys("<C-]>")
    editor.until_no_ghost()
    assert len(received(editor, "textDocument/inlineCompletion")) == asked
    file = Path(editor.nvim.api.buf_get_name(0))
    assert received(editor, "plt/didDismissCompletion") == [{"textDocument": {"uri": file.as_uri()}}]


def test_what_is_dismissed_while_it_grows_stays_away(editor: Editor) -> None:
    show(editor, "x", "x1")
    progress(editor, "12")
    editor.until_ghost(lambda ghost: ghost["text"] == "12")
    editor.keys("<C-]>")
    editor.until_no_ghost()
    progress(editor, "123", done=True)
    assert editor.status()  # an answer that comes after what was told before it
    assert editor.ghost() is None


def test_leaving_insert_mode_dismisses_nothing(editor: Editor) -> None:
    show(editor, "x", "x1")
    editor.keys("<Esc>")
    editor.until_no_ghost()
    editor.keys("A")
    editor.until_ghost(lambda ghost: ghost["text"] == "1")
    assert received(editor, "plt/didDismissCompletion") == []


def test_keys_do_what_they_did_where_nothing_is_shown(editor: Editor) -> None:
    editor.nvim.command("setlocal expandtab shiftwidth=4 softtabstop=4")
    editor.keys("<Tab>x")
    until(lambda: editor.lines() == ["    x"], "the tab to be typed")


def test_earlier_mappings_of_a_key_still_work(shared: Editor, tmp_path: Path) -> None:
    shared.keys("<Esc>")
    cases = (
        ("<M-f>", "vim.keymap.set('i', '<M-f>', 'plain')", "plain"),
        ("<M-e>", "vim.keymap.set('i', '<M-e>', function() return 'ex<lt>pr' end, { expr = true })", "ex<pr"),
        ("<M-n>", "vim.keymap.set('i', '<M-n>', function() vim.api.nvim_put({ 'put' }, 'c', false, true) end)", "put"),
        ("<M-p>", "vim.cmd([[inoremap <expr> <M-p> 'e' .. 'val']])", "eval"),
    )
    try:
        for keys, mapping, text in cases:
            shared.lua(mapping)
            shared.keys("<Esc>")
            shared.edit(tmp_path / f"{text.replace('<', '')}.py")
            shared.keys(f"i{keys}")
            until(lambda text=text: shared.lines() == [text], f"{keys} to do what it did")
    finally:
        for keys, _, _ in cases:
            shared.nvim.command(f"iunmap {keys}")


def test_a_snippet_keeps_its_tab(editor: Editor) -> None:
    editor.lua("vim.snippet.expand('f(${1:a}, ${2:b})')")
    editor.keys("<Esc>")
    editor.lua("vim.snippet.stop()")
    editor.keys("S")
    editor.lua("vim.snippet.expand('f($1, ${2:b})')")
    suggest(editor, "f(1, 2, b)")
    editor.keys("<M-\\>")
    until(lambda: received(editor, "textDocument/inlineCompletion"), "a request")
    editor.keys("<Tab>")
    until(lambda: editor.nvim.api.get_mode()["mode"] == "s", "the jump to the next stop")
    assert editor.lines() == ["f(, b)"]


def test_a_null_answer_keeps_what_is_shown_and_an_empty_one_does_not(editor: Editor) -> None:
    show(editor, "x", "x1")
    editor.lua("scripted.texts = vim.NIL")
    editor.keys("<M-\\>")
    until(lambda: not editor.lua("return require('plt.state').request"), "the answer")
    assert editor.ghost()
    editor.lua("scripted.texts = {}")
    editor.keys("<M-\\>")
    editor.until_no_ghost()


def test_an_answer_for_older_text_is_not_shown(editor: Editor) -> None:
    editor.type("x")
    until(lambda: editor.lines() == ["x"], "the text")
    until(lambda: received(editor, "textDocument/inlineCompletion"), "a request")
    editor.lua("scripted.holds_back = true")
    suggest(editor, "x1")
    editor.keys("<M-\\>")
    until(lambda: editor.lua("return #scripted.waiting") == 1, "the request")
    editor.type("y")
    until(lambda: editor.lua("return #scripted.waiting") == 2, "the newer request")
    editor.lua("scripted.texts = {}; scripted.release()")
    until(lambda: not editor.lua("return require('plt.state').request"), "the answers")
    assert editor.ghost() is None


def test_moving_the_cursor_cancels_at_the_server(editor: Editor) -> None:
    editor.type("xy")
    editor.lua("scripted.holds_back = true")
    editor.keys("<M-\\>")
    until(lambda: editor.lua("return #scripted.waiting") >= 1, "the request")
    editor.keys("<Left>")
    until(lambda: received(editor, "$/cancelRequest"), "the cancel")


def test_ghost_text_stays_behind_the_menu_and_comes_back(editor: Editor) -> None:
    editor.nvim.options["completeopt"] = "menuone,noselect"
    editor.type("alpha ")
    show(editor, "al", "alpha almost")
    editor.keys("<C-n>")
    until(lambda: editor.nvim.funcs.pumvisible(), "the menu")
    editor.until_no_ghost()
    editor.keys("<C-e>")
    editor.until_ghost(lambda ghost: ghost["text"] == "most")


def test_wide_and_multibyte_text_is_drawn_where_it_belongs(editor: Editor) -> None:
    ghost = show(editor, 'é😀 = "', 'é😀 = "日本"\nÄ')
    assert (ghost["col"], ghost["text"]) == (len('é😀 = "'.encode()), '日本"\nÄ')
    assert screen_line(editor, 1) == 'é😀 = "日本"'
    assert screen_line(editor, 2) == "Ä"
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ['é😀 = "日本"', "Ä"], "the text to be accepted")


def test_tabs_are_drawn_as_wide_as_they_will_be(editor: Editor) -> None:
    editor.nvim.command("setlocal tabstop=4 noexpandtab")
    show(editor, "ab", "ab\tc\n\td")
    before = (screen_line(editor, 1), editor.lua("vim.cmd.redraw(); return vim.fn.screenstring(2, 5)"))
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["ab\tc", "\td"], "the text to be accepted")
    after = (screen_line(editor, 1), editor.lua("vim.cmd.redraw(); return vim.fn.screenstring(2, 5)"))
    assert before == after == ("ab  c", "d")


def test_long_lines_wrap_like_real_ones(editor: Editor) -> None:
    width = editor.nvim.options["columns"]
    show(editor, "a" * (width - 2), "a" * (width - 2) + "bcdef\n" + "g" * (width + 3))
    assert screen_line(editor, 1) == "a" * (width - 2) + "bc"
    assert [screen_line(editor, row) for row in (2, 3, 4)] == ["def", "g" * width, "ggg"]


def test_a_closed_fold_below_stays_closed_and_below(editor: Editor) -> None:
    editor.keys("<Esc>")
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { '', 'f1', 'f2', 'last' })")
    editor.nvim.command("setlocal foldmethod=manual | 2,3fold | normal! gg")
    editor.keys("i")
    show(editor, "x", "x1\nx2")
    assert [screen_line(editor, row) for row in (1, 2)] == ["x1", "x2"]
    assert screen_line(editor, 3).startswith("+--")
    assert screen_line(editor, 4) == "last"


def test_what_follows_the_cursor_is_shown_where_it_will_stand(editor: Editor) -> None:
    show(editor, "f(", "f(a,\n  b", after=")")
    assert [screen_line(editor, row) for row in (1, 2)] == ["f(a,", "b)"]
    editor.keys("<Tab>")
    until(lambda: editor.lines() == ["f(a,", "  b)"], "the text to be accepted")


def test_disable_and_enable(editor: Editor) -> None:
    editor.nvim.command("Plt disable")
    assert editor.statusline() == "plt: disabled"
    suggest(editor, "ab")
    editor.lua("scripted.received = {}")
    editor.type("a")
    until(lambda: editor.lines() == ["a"], "the text")
    until(lambda: received(editor, "textDocument/didChange"), "the change")
    assert received(editor, "textDocument/inlineCompletion") == []
    editor.keys("<M-\\>")
    editor.until_ghost()
    editor.nvim.command("Plt enable")
    editor.keys("<Esc>S")
    suggest(editor, "ab")
    editor.type("a")
    editor.until_ghost()


def test_the_server_keeps_the_snooze_and_says_until_when(editor: Editor) -> None:
    for words, is_snoozed in (("snooze 5", True), ("enable", False), ("snooze", True), ("snooze 0", False)):
        show(editor, "x", "x1")
        editor.nvim.command(f"Plt {words}")
        line = "plt: snoozed until 14:05"
        until(lambda line=line, wanted=is_snoozed: (editor.statusline() == line) is wanted, editor.statusline)
        assert (editor.ghost() is None) is words.startswith("snooze")
        editor.keys("<Esc>S")
    asked = received(editor, "workspace/executeCommand")
    assert asked == [{"command": "plt.snoozeFor", "arguments": [minutes]} for minutes in (5, 0, 10, 0)]
    assert received(editor, "plt/didDismissCompletion") == []


def test_the_context_and_the_statistics_open_to_be_read(editor: Editor) -> None:
    editor.type("one")
    editor.keys("<Esc>")
    for word, lines in (("context", ["text.py:0:2", "the prompt"]), ("statistics", ["python  7"])):
        editor.nvim.command(f"Plt {word}")
        until(lambda lines=lines: editor.lines() == lines, editor.text)
        assert editor.nvim.current.buffer.options["modifiable"] is False
        editor.nvim.command("close")
    assert editor.lines() == ["one"]


def test_languages_and_settings_reach_the_server(editor: Editor) -> None:
    editor.nvim.command("Plt disable python")
    editor.lua("require('plt').configure({ inlineCompletion = { maxLines = 1 } })")
    editor.nvim.command("Plt enable python")
    found = [params["settings"]["plt"] for params in received(editor, "workspace/didChangeConfiguration")]
    assert found == [
        {"disabledLanguages": ["python"]},
        {"disabledLanguages": ["python"], "inlineCompletion": {"maxLines": 1}},
        {"disabledLanguages": [], "inlineCompletion": {"maxLines": 1}},
    ]


def test_a_second_project_becomes_a_folder_of_the_same_server(editor: Editor, tmp_path: Path) -> None:
    before = editor.lua("return require('plt.state').client_id")
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
        editor.keys("<Esc>")
        editor.edit(tmp_path / name / "a.py")
    added = [params["event"]["added"][0]["uri"] for params in received(editor, "workspace/didChangeWorkspaceFolders")]
    assert added == [(tmp_path / name).as_uri() for name in ("one", "two")]
    assert editor.lua("return require('plt.state').client_id") == before


def test_unnamed_and_special_buffers_are_left_alone(editor: Editor) -> None:
    editor.keys("<Esc>")
    for command in ("enew | setfiletype python", "help help"):
        editor.nvim.command(command)
        assert editor.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 0


def test_the_command_says_what_it_cannot_do(editor: Editor) -> None:
    editor.keys("<Esc>")
    for words, answer in (
        ("nonsense", "is unknown; there are accept, budget, context, disable"),
        ("snooze soon", "number of minutes"),
    ):
        with pytest.raises(Exception, match=answer):
            editor.nvim.command(f"Plt {words}")
