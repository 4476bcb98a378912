"""What belongs into an index, and what is kept of a file."""

import os
import sys
from pathlib import Path

import pytest

from plt_lsp.index.belonging import Belonging, Rules
from plt_lsp.index.git_config import global_excludes
from plt_lsp.index.languages import language_of, module_of
from plt_lsp.index.reading import NotRead, contents_of, identifiers_of, read_source
from tests.lsp.planted import PLANTED
from tests.lsp.workspaces import write


def paths(root: Path, under: str = "", **rules) -> list[str]:
    return [file.path for file in Belonging(root, Rules(**rules)).walk(under)]


def test_source_files_belong_and_nothing_else(tmp_path):
    write(
        tmp_path, {"a.py": "", "b.TS": "", "c.txt": "", "d.json": "{}", "e/f.rs": "", "e/g/h.go": "", "README.md": ""}
    )
    assert paths(tmp_path) == ["a.py", "b.TS", "e/f.rs", "e/g/h.go"]


def test_one_folder_alone(tmp_path):
    write(tmp_path, {"a.py": "", "e/f.py": "", "e/g/h.py": "", "ef/i.py": ""})
    assert paths(tmp_path, "e") == ["e/f.py", "e/g/h.py"]
    assert paths(tmp_path, "missing") == []


def test_git_ignore_files_hold_with_their_precedence(tmp_path):
    write(
        tmp_path,
        {
            ".gitignore": "build/\n*.gen.py\n/top.py\n!/keep.gen.py\n",
            "top.py": "",
            "keep.gen.py": "",
            "x.gen.py": "",
            "build/a.py": "",
            "sub/top.py": "",
            "sub/.gitignore": "!y.gen.py\nlocal.py\n",
            "sub/x.gen.py": "",
            "sub/y.gen.py": "",
            "sub/local.py": "",
            "sub/deep/local.py": "",
            "other/local.py": "",
        },
    )
    assert paths(tmp_path) == ["keep.gen.py", "other/local.py", "sub/top.py", "sub/y.gen.py"]


def test_the_own_ignore_file_comes_before_git_s(tmp_path):
    files = {".gitignore": "a.py\n", ".pltignore": "!a.py\nb.py\n!node_modules/\n", "node_modules/mine.js": ""}
    write(tmp_path, {**files, "a.py": "", "b.py": ""})
    assert paths(tmp_path) == ["a.py", "node_modules/mine.js"]


def test_ignore_files_above_the_workspace_hold_as_far_as_the_repository_goes(tmp_path):
    write(tmp_path, {".gitignore": "*.py\n"})
    write(tmp_path / "repository", {".gitignore": "generated/\n", ".git/info/exclude": "private.py\n"})
    root = write(tmp_path / "repository" / "part", {"a.py": "", "generated/b.py": "", "private.py": ""})
    assert paths(root) == ["a.py"]


@pytest.mark.parametrize(
    ("home", "is_ignored"),
    [
        ({".config/git/ignore": "mine.py\n"}, True),
        ({".gitconfig": "[core]\n\texcludesFile = ~/patterns # of mine\n", "patterns": "mine.py\n"}, True),
        ({".config/git/config": '[Core] ExcludesFile="~/patterns"\n', "patterns": "mine.py\n"}, True),
        ({".gitconfig": "[core]\n\texcludesFile =\n", ".config/git/ignore": "mine.py\n"}, False),
        ({".gitconfig": '[core "x"]\n\texcludesFile = ~/patterns\n', "patterns": "mine.py\n"}, False),
        ({".gitconfig": "[core]\n\texcludesFile = patterns\n", "patterns": "mine.py\n"}, False),
        ({".config/git/ignore": "*.py\n", "repository/.gitignore": "!*.py\n"}, False),
    ],
)
def test_the_users_own_patterns_hold_in_every_repository(tmp_path, monkeypatch, home, is_ignored):
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    write(tmp_path, {"repository/.git/HEAD": "", "repository/mine.py": "", "repository/ours.py": "", **home})
    write(tmp_path, {"elsewhere/mine.py": ""})
    assert paths(tmp_path / "repository") == ([] if is_ignored else ["mine.py"]) + ["ours.py"]
    assert paths(tmp_path / "elsewhere") == ["mine.py"]
    write(tmp_path, {"repository/.git/config": "[core]\n\texcludesFile = /nowhere\n"})
    assert paths(tmp_path / "repository") == ["mine.py", "ours.py"]


def test_gits_own_variables_say_where_its_configuration_is(tmp_path):
    write(tmp_path, {"chosen": "[core]\nexcludesfile = /a\n", "system": "[core]\nexcludesfile = /b\n"})
    system = {"GIT_CONFIG_SYSTEM": str(tmp_path / "system")}
    assert global_excludes(tmp_path, {**system, "GIT_CONFIG_GLOBAL": str(tmp_path / "chosen")}) == Path("/a")
    assert global_excludes(tmp_path, system) == Path("/b")
    without = {**system, "GIT_CONFIG_NOSYSTEM": "1"}
    assert global_excludes(tmp_path, without) is None
    assert global_excludes(tmp_path, {**without, "XDG_CONFIG_HOME": "/c"}) == Path("/c/git/ignore")


def test_who_opens_an_ignored_folder_means_it(tmp_path):
    write(tmp_path, {".gitignore": "vendor/\n", ".git/config": ""})
    assert paths(write(tmp_path / "vendor", {"a.py": ""})) == ["a.py"]


def test_what_other_programs_put_there_stays_outside(tmp_path):
    write(tmp_path, {f"{folder}/a.py": "" for folder in (".git", ".venv", "node_modules", "__pycache__", "src")})
    assert paths(tmp_path) == ["src/a.py"]


def test_excluded_and_secret_files_stay_outside_whatever_an_ignore_file_says(tmp_path):
    write(
        tmp_path,
        {".pltignore": "!*\n", "a.py": "", "secrets.py": "", ".ssh/config.py": "", "x_rsa": "", "gen/b.py": ""},
    )
    assert paths(tmp_path, excluded=("secrets.*", "gen/**")) == ["a.py"]


def test_too_large_and_too_many(tmp_path):
    write(tmp_path, {"a.py": "x" * 101, "b.py": "x" * 100})
    assert paths(tmp_path, max_file_bytes=100) == ["b.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_no_symbolic_link_is_followed(tmp_path):
    outside = write(tmp_path / "outside", {"secret.py": "", "folder/secret.py": ""})
    root = write(tmp_path / "root", {"a.py": "", "folder/b.py": ""})
    (root / "link.py").symlink_to(outside / "secret.py")
    (root / "linked").symlink_to(outside)
    (root / "again").symlink_to(root / "folder")
    os.mkfifo(root / "pipe.py")
    assert paths(root) == ["a.py", "folder/b.py"]
    belonging = Belonging(root, Rules())
    for path in ("link.py", "linked/secret.py", "linked/folder/secret.py", "again/b.py", "pipe.py"):
        assert belonging.file(path) is None
    assert read_source(root / "link.py", 100) is NotRead.GONE
    assert read_source(root / "pipe.py", 100) is NotRead.GONE


def test_a_path_that_leads_out_of_the_workspace_does_not_belong(tmp_path):
    write(tmp_path, {"outside/a.py": "", "root/b.py": "", "root/sub/c.py": ""})
    belonging = Belonging(tmp_path / "root", Rules())
    out = ("../outside/a.py", "sub/../../outside/a.py", str(tmp_path / "outside" / "a.py"), "..", "/", "\0.py")
    assert [path for path in out if belonging.file(path) or belonging.admits_folder(path)] == []
    assert list(belonging.walk("../outside")) == []


def test_what_was_learned_of_a_folder_can_be_forgotten(tmp_path):
    belonging = Belonging(tmp_path, Rules())
    assert belonging.file("a/b/c.py") is None
    write(tmp_path, {"a/b/c.py": ""})
    belonging.forget("a")
    assert belonging.file("a/b/c.py") is not None


def test_a_name_that_is_no_text_is_left_out(tmp_path):
    if sys.platform != "linux":
        pytest.skip("such names exist on Linux alone")
    (Path(os.fsdecode(bytes(tmp_path) + b"/\xff.py"))).touch()
    write(tmp_path, {"é.py": ""})
    assert paths(tmp_path) == ["é.py"]


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"x = 1\n", None),
        (b"", None),
        (b"\0\1\2", NotRead.BINARY),
        (b"x" * 2000, NotRead.GENERATED),
        (b"x\n" * 2000, NotRead.TOO_LARGE),
    ],
)
def test_what_is_read(tmp_path, data, verdict):
    (tmp_path / "a.py").write_bytes(data)
    assert read_source(tmp_path / "a.py", 3000) == (data if verdict is None else verdict)


def test_a_file_that_is_gone(tmp_path):
    assert read_source(tmp_path / "a.py", 3000) is NotRead.GONE


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text.strip()[:40])
def test_nothing_secret_is_kept_of_a_file(planted):
    language = language_of(f"a{planted.suffix}")
    kept = str(contents_of(planted.source.encode(), language))
    assert planted.secret not in kept
    assert not any(word in kept for word in planted.secret.split("/") if len(word) > 12)


def test_every_identifier_is_kept_once_in_order():
    assert identifiers_of("def load(path, x):\n    return load(path.name) + été + x1 + 12\n") == (
        *("def", "load", "path", "return", "name", "été"),
    )


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("a/b.py", "a/b"),
        ("a/__init__.py", "a"),
        ("__init__.py", ""),
        ("src/index.ts", "src"),
        ("src/types.d.ts", "src/types"),
        ("x/mod.rs", "x"),
        ("main.go", "main"),
    ],
)
def test_the_path_by_which_imports_name_a_file(path, module):
    assert module_of(path) == module
