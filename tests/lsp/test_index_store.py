"""The index as it is written and read, in one process."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from plt_lsp.index import indexer as indexer_module
from plt_lsp.index.belonging import Rules
from plt_lsp.index.indexer import Indexer
from plt_lsp.index.reader import IndexReader
from plt_lsp.index.schema import VERSION
from plt_lsp.index.store import Store, last_name
from plt_lsp.index.suspect import Suspect
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.planted import PLANTED
from tests.lsp.workspaces import generate, module, write

SECOND_NS = 1_000_000_000


class Kept:
    """A workspace and its index, brought up to date when the test says so."""

    def __init__(self, folder: Path, **rules):
        self.root = folder / "root"
        self.root.mkdir(exist_ok=True)
        self.database = folder / "cache" / "index.sqlite3"
        self.store = Store(self.database)
        self.suspect = Suspect(self.database.parent)
        self.indexer = Indexer(self.root, Rules(**rules), self.store, self.suspect)
        self.reader = IndexReader(self.database)

    def update(self, *paths: str) -> int:
        """Look at some paths, or at all; returns how many files were read."""
        before = self.indexer.num_done
        self.indexer.refresh(paths) if paths else self.indexer.rescan()
        while self.indexer.is_busy:
            self.indexer.step()
        self.store.commit()
        return self.indexer.num_done - before

    def write(self, files, age_s: int = 60) -> None:
        """Write files as they would have been written a while ago, so that their times tell one state from another."""
        write(self.root, files)
        for path in files:
            self.age(path, age_s)

    def age(self, path: str, age_s: int) -> None:
        then = time.time_ns() - age_s * SECOND_NS
        os.utime(self.root / path, ns=(then, then))

    def paths(self) -> set[str]:
        return set(self.store.known())


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path)


def test_an_outline_is_read_as_it_was_found(kept):
    kept.write({"package/a.py": module(3)})
    kept.update()
    assert kept.reader.outline_of("package/a.py") == outline(SyntaxTree.parse("python", module(3)))
    assert "function_3_0" in kept.reader.identifiers_of("package/a.py")
    assert kept.reader.file("package/a.py").num_lines == module(3).count("\n") + 1
    assert kept.reader.outline_of("package/b.py") is None


def test_only_what_has_changed_is_read_again(kept):
    kept.write({"a.py": "def one(): pass\n", "b.py": "def two(): pass\n"})
    assert kept.update() == 2
    assert kept.update() == 0
    kept.write({"b.py": "def three(): pass\n"}, age_s=50)
    assert kept.update() == 1
    assert [found.path for found in kept.reader.definitions_named("three")] == ["b.py"]
    assert kept.reader.definitions_named("two") == []


def test_a_file_that_was_just_written_is_looked_at_once_more(kept):
    kept.write({"a.py": "def one(): pass\n"}, age_s=0)
    kept.update()
    found = (kept.root / "a.py").stat()
    write(kept.root, {"a.py": "def two(): pass\n"})
    os.utime(kept.root / "a.py", ns=(found.st_atime_ns, found.st_mtime_ns))
    kept.update()
    assert kept.reader.definitions_named("one") == []
    assert len(kept.reader.definitions_named("two")) == 1


def test_what_is_gone_goes_and_what_is_renamed_is_not_parsed_again(kept, monkeypatch):
    kept.write({"old/a.py": module(1), "old/b.py": module(2), "c.py": module(3)})
    kept.update()
    (kept.root / "old").rename(kept.root / "new")
    (kept.root / "c.py").unlink()
    monkeypatch.setattr(indexer_module, "contents_of", lambda *_: pytest.fail("it was parsed again"))
    kept.update("old", "new", "c.py")
    assert kept.paths() == {"new/a.py", "new/b.py"}
    assert [found.path for found in kept.reader.definitions_named("function_1_0")] == ["new/a.py"]
    assert kept.reader.outline_of("new/a.py") == outline(SyntaxTree.parse("python", module(1)))
    assert kept.reader.num_files() == 2


def test_a_save_comes_before_what_waits(kept):
    generate(kept.root, 30)
    kept.indexer.rescan()
    kept.indexer.step()
    write(kept.root, {"z/saved.py": "def saved(): pass\n"})
    kept.indexer.refresh(["z", "z/saved.py"])
    kept.indexer.step()
    kept.store.commit()
    assert len(kept.reader.definitions_named("saved")) == 1
    assert kept.indexer.num_waiting == 29


def test_a_change_of_an_ignore_file_is_followed(kept):
    kept.write({"a.py": "", "b.py": ""})
    kept.update()
    kept.write({".gitignore": "a.py\n"})
    kept.update(".gitignore")
    assert kept.paths() == {"b.py"}
    (kept.root / ".gitignore").unlink()
    kept.update(".gitignore")
    assert kept.paths() == {"a.py", "b.py"}


@pytest.mark.parametrize("paths", [["."], [f"package_0/module_{i}.py" for i in range(1001)]])
def test_a_change_of_everything_is_one_look_at_all_files(kept, paths):
    generate(kept.root, 5)
    assert kept.update(*paths) == 5
    (kept.root / "package_0" / "module_3.py").unlink()
    kept.update(*paths)
    assert kept.reader.num_files() == 4


def test_other_rules(kept):
    kept.write({"a.py": "", "b.py": ""})
    kept.update()
    kept.indexer.rescan(Rules(excluded=("b.*",)))
    kept.update()
    assert kept.paths() == {"a.py"}


def test_a_folder_that_becomes_a_link_out_of_the_workspace_goes(kept, tmp_path):
    kept.write({"a/b.py": "def inside(): pass\n"})
    kept.update()
    outside = write(tmp_path / "outside", {"b.py": "def outside(): pass\n"})
    (kept.root / "a").rename(tmp_path / "moved")
    (kept.root / "a").symlink_to(outside)
    kept.update("a")
    assert kept.paths() == set()


def test_more_files_than_there_may_be(tmp_path):
    kept = Kept(tmp_path, max_files=2)
    kept.write({"a.py": "", "b.py": ""})
    kept.update()
    assert not kept.indexer.is_truncated
    kept.write({"deep/er/c.py": ""})
    kept.update()
    assert kept.paths() == {"a.py", "b.py"}
    assert kept.indexer.is_truncated


def test_a_file_that_is_no_source_after_all_is_remembered_as_such(kept):
    kept.write({"a.py": "def one(): pass\n", "b.py": "x" * 5000})
    assert kept.update() == 2
    assert kept.update() == 0
    assert kept.reader.num_files() == 1
    assert kept.reader.file("b.py") is None
    kept.write({"b.py": "def two(): pass\n"}, age_s=50)
    kept.update()
    assert kept.reader.num_files() == 2


def test_a_fault_in_one_file_costs_that_file_alone(kept, monkeypatch):
    def fails(data, language):
        if b"bad" in data:
            raise RecursionError
        return contents_of(data, language)

    contents_of = indexer_module.contents_of
    monkeypatch.setattr(indexer_module, "contents_of", fails)
    kept.write({"a.py": "def bad(): pass\n", "b.py": "def good(): pass\n"})
    kept.update()
    assert kept.reader.num_files() == 1
    assert len(kept.reader.definitions_named("good")) == 1


def test_a_file_over_which_two_processes_died_is_not_read_again_before_it_changes(tmp_path):
    for num_deaths in range(3):
        kept = Kept(tmp_path)
        kept.write({"a.py": "def bad(): pass\n"})
        assert kept.suspect.is_fatal("a.py") is (num_deaths == 2)
        kept.suspect.begin("a.py")  # and the process dies
    kept = Kept(tmp_path)
    assert kept.update() == 1
    assert kept.reader.num_files() == 0
    kept.suspect.clear()
    kept.write({"a.py": "def good(): pass\n"}, age_s=50)
    kept.update()
    assert kept.reader.num_files() == 1


def test_a_process_that_ended_in_order_leaves_no_suspect(tmp_path):
    for _ in range(3):
        suspect = Suspect(tmp_path)
        suspect.begin("a.py")
        suspect.clear()
    (tmp_path / "reading.json").write_text('["a.py", 7')
    assert not Suspect(tmp_path).is_fatal("a.py")


def test_definitions_of_imported_files_come_first(kept):
    kept.write({f"{name}.py": "class A:\n    def run(self): pass\n" for name in "abcdef"})
    kept.update()
    found = kept.reader.definitions_named("run", near=["e.py", "c.py", "missing.py"], limit=4)
    assert [one.path for one in found] == ["e.py", "c.py", "a.py", "b.py"]
    assert [one.parent for one in found] == ["A"] * 4
    assert kept.reader.definitions_named("runs") == []


def test_a_definition_is_found_by_the_last_part_of_its_name(kept):
    kept.write({"a.lua": "local M = {}\nfunction M.run(x)\n  return x\nend\nreturn M\n"})
    kept.update()
    assert [found.definition.name for found in kept.reader.definitions_named("run")] == ["M.run"]
    assert [last_name(name) for name in ("A::b", "M.f", "M:g", "plain", "operator=")] == [
        *("b", "f", "g", "plain", "operator="),
    ]


def test_files_by_module_and_by_folder(kept):
    paths = ("pkg/util.py", "pkg/util/__init__.py", "other/pkg/util.ts", "pkg/autil.py", "pkg/u_il.py", "util.go")
    kept.write(dict.fromkeys(paths, "x\n"))
    kept.update()
    assert [file.path for file in kept.reader.files_of_module("pkg/util")] == [
        *("pkg/util.py", "pkg/util/__init__.py", "other/pkg/util.ts"),
    ]
    assert [file.path for file in kept.reader.files_of_module("pkg/u_il")] == ["pkg/u_il.py"]
    assert next(file.path for file in kept.reader.files_of_module("util")) == "util.go"
    assert {file.path for file in kept.reader.files_in("pkg")} == {"pkg/util.py", "pkg/autil.py", "pkg/u_il.py"}
    assert [file.path for file in kept.reader.files_in("")] == ["util.go"]


@pytest.mark.parametrize("what", ["garbage", "truncated", "flipped", "other version"])
def test_a_broken_database_is_made_anew_and_its_readers_find_the_new_one(tmp_path, what):
    kept = Kept(tmp_path)
    generate(kept.root, 40)
    kept.update()
    assert kept.reader.num_files() == 40
    kept.store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept.store.close()
    damage(kept.database, what)
    assert isinstance(IndexReader(kept.database).definitions_named("function_1_0"), list)
    again = Kept(tmp_path)
    again.update()
    assert again.indexer.num_done == 40
    assert kept.reader.num_files() == again.reader.num_files() == 40


def test_a_row_that_makes_no_sense_is_no_answer(kept):
    kept.write({"a.py": "import os\ndef one(): pass\n"})
    kept.update()
    kept.store._connection.execute("UPDATE definitions SET kind = 'nonsense'")
    kept.store._connection.execute("UPDATE imports SET names = '{'")
    assert kept.reader.definitions_named("one") == []
    assert kept.reader.outline_of("a.py").definitions == ()
    assert kept.reader.outline_of("a.py").imports == ()


def damage(database: Path, what: str) -> None:
    if what == "other version":
        connection = sqlite3.connect(database)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.close()
        return
    data = bytearray(database.read_bytes())
    if what == "garbage":
        data[:] = b"this is no database" * 100
    elif what == "truncated":
        del data[len(data) // 2 :]
    else:
        for i in range(4096, len(data), 4096):
            data[i : i + 64] = b"\xff" * 64
    database.write_bytes(data)


def test_where_there_is_no_database_nothing_is_found(tmp_path):
    reader = IndexReader(tmp_path / "none" / "index.sqlite3")
    assert reader.definitions_named("x") == []
    assert reader.outline_of("a.py") is None
    assert reader.identifiers_of("a.py") == frozenset()
    assert reader.num_files() == 0
    assert not (tmp_path / "none").exists()


def test_a_reader_sees_what_is_committed_and_waits_for_nothing(kept):
    kept.write({"a.py": "def one(): pass\n"})
    kept.update()
    kept.write({"b.py": "def two(): pass\n"})
    kept.indexer.rescan()
    kept.indexer.step()
    assert kept.reader.num_files() == 1
    kept.store.commit()
    assert kept.reader.num_files() == 2


def test_no_planted_secret_is_in_the_cache(kept):
    kept.write({f"planted_{i}{planted.suffix}": planted.source for i, planted in enumerate(PLANTED)})
    kept.write({".env": "A=" + PLANTED[0].secret, "id_rsa.py": PLANTED[0].source, "secrets.yaml": PLANTED[1].secret})
    kept.update()
    assert kept.reader.num_files() >= len(PLANTED)
    kept.store.close()
    stored = b"".join(file.read_bytes() for file in kept.database.parent.iterdir())
    assert [planted.secret for planted in PLANTED if planted.secret.encode() in stored] == []
