"""Notebooks: the code cells of one are one context, in their order, however they come, go and change."""

import pytest

from plt_lsp.notebooks import Cell, Neighbours, NotebookStore
from tests.lsp.scripted_engine import read_journal, write_script

BOOK = "file:///book.ipynb"


def cell(number, kind=2):
    return {"kind": kind, "document": f"vscode-notebook-cell:/book.ipynb#{number}"}


def document(number, text, language="python"):
    return {"uri": cell(number)["document"], "languageId": language, "version": 1, "text": text}


async def prompt_of(client, pack, number, line, character):
    answer = await client.inline_completion(cell(number)["document"], line, character)
    assert answer["items"]
    return [entry["request"]["prompt"] for entry in read_journal(pack) if entry["event"] == "generate"][-1]


@pytest.fixture
async def book(client, pack):
    write_script(pack, text="math.pi * radius**2\n")
    texts = ["import math\nradius = 3", "# Areas", "area = ", "print(area)\n"]
    client.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": BOOK,
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [cell(i, kind=1 if i == 1 else 2) for i in range(4)],
            },
            "cellTextDocuments": [document(i, text) for i, text in enumerate(texts)],
        },
    )
    return client


async def change(client, version, **cells):
    client.notify(
        "notebookDocument/didChange",
        {"notebookDocument": {"uri": BOOK, "version": version}, "change": {"cells": cells}},
    )


async def test_the_code_of_other_cells_is_shown_and_prose_is_not(book, pack):
    prompt = await prompt_of(book, pack, 2, 0, 7)
    assert prompt["prefix"] == "import math\nradius = 3\n\narea = "
    assert prompt["suffix"] == "\n\nprint(area)\n\n"
    assert prompt["path"] == "book.ipynb"


async def test_cells_that_come_and_go_are_followed(book, pack):
    await change(
        book,
        2,
        structure={
            "array": {"start": 0, "deleteCount": 2, "cells": [cell(9)]},
            "didOpen": [document(9, "radius = 9\n")],
            "didClose": [{"uri": cell(0)["document"]}, {"uri": cell(1)["document"]}],
        },
    )
    assert (await prompt_of(book, pack, 2, 0, 7))["prefix"] == "radius = 9\n\n\narea = "


async def test_a_text_that_changes_in_its_cell_is_seen_from_another(book, pack):
    end = {"line": 1, "character": 10}
    edit = {"range": {"start": end, "end": end}, "text": "0"}
    await change(book, 2, textContent=[{"document": {"uri": cell(0)["document"], "version": 2}, "changes": [edit]}])
    assert "radius = 30\n" in (await prompt_of(book, pack, 2, 0, 7))["prefix"]


async def test_prose_that_becomes_code_counts(book, pack):
    await change(book, 2, data=[cell(1, kind=2)])
    assert "# Areas\n" in (await prompt_of(book, pack, 2, 0, 7))["prefix"]


async def test_a_closed_notebook_is_forgotten(book, pack):
    documents = [{"uri": cell(i)["document"]} for i in range(4)]
    book.notify("notebookDocument/didClose", {"notebookDocument": {"uri": BOOK}, "cellTextDocuments": documents})
    assert (await book.inline_completion(cell(2)["document"], 0, 7))["items"] == []
    assert (await book.request("plt/status"))["numDocuments"] == 0


async def test_a_change_of_an_unknown_notebook_hurts_nobody(client, pack):
    await change(client, 2, data=[cell(1)])
    await change(client, 3, structure={"array": {"start": 7, "deleteCount": 9}})
    client.notify("notebookDocument/didClose", {"notebookDocument": {"uri": "file:///x"}, "cellTextDocuments": []})
    assert (await client.request("plt/status"))["numDocuments"] == 0


def test_neighbours_are_code_in_order():
    store = NotebookStore()
    store.open("n", [Cell("a", True), Cell("b", False), Cell("c", True), Cell("d", True)])
    assert store.neighbours("c") == Neighbours(("a",), ("d",))
    assert store.neighbours("b") == Neighbours(("a",), ("c", "d"))
    assert store.neighbours("stranger") == Neighbours()
    assert store.close("n") == ("a", "b", "c", "d")
    assert store.close("n") == ()
    assert store.notebook_of("a") is None
