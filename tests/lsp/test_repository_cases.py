"""The cases of the repository mode: lines that use what another file defines, drawn by a seed, as real prompts."""

import json
from dataclasses import replace

import pytest

from plt_engine.types import FileChunk, Prompt
from plt_lsp.cli import main
from plt_lsp.context.prompt import build_prompt
from plt_lsp.evaluation.drawing import draw
from plt_lsp.evaluation.others import prompt_with_others
from plt_lsp.evaluation.targets import TargetKind, targets_of
from plt_lsp.evaluation.workspaces import indexed, packages_in, unpacked
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.workspaces import write
from tests.packs import tiny_pack

FILES = {
    "shop/__init__.py": "",
    "shop/parts.py": (
        '"""Parts."""\n\n\nclass Part:\n    """One."""\n\n    def weigh(self, scale):\n        return scale * 2\n\n\n'
        "def parse_part(text):\n    return Part()\n"
    ),
    "shop/store.py": (
        '"""A store."""\n\nimport json\n\nfrom shop.parts import Part, parse_part\n\n\nclass Store:\n'
        "    def load(self, lines):\n        # parse_part makes a Part\n"
        '        print("parse_part", json.dumps(lines))\n'
        "        for line in lines:\n            part = parse_part(line)\n            self.weight += part.weigh(3)\n"
        "            self.sorted = part.sort()\n        return self.weight\n"
    ),
    "shop/other.py": "def sort():\n    return 1\n",
    "web/units.ts": "export interface Unit {\n  size: number;\n}\n"
    "export function toUnit(a: number): Unit {\n  return {size: a};\n}\n",
    "web/app.ts": 'import { Unit, toUnit } from "./units";\n\nexport { toUnit };\n'
    "export const one: Unit = toUnit(1);\n",
}


@pytest.fixture
def workspace(tmp_path):
    with indexed("shop", write(tmp_path / "shop", FILES)) as found:
        yield found


def targets(workspace, path):
    language_id = "python" if path.endswith(".py") else "typescript"
    tree = SyntaxTree.parse(language_id, FILES[path])
    return [(target.row, target.name, target.kind) for target in targets_of(path, tree, workspace.index)]


def test_a_target_is_a_line_that_uses_what_another_file_defines(workspace):
    assert targets(workspace, "shop/store.py") == [
        (12, "parse_part", TargetKind.IMPORTED),
        (13, "weigh", TargetKind.MEMBER),
    ]
    assert targets(workspace, "web/app.ts") == [(3, "Unit", TargetKind.IMPORTED)]
    assert targets(workspace, "shop/parts.py") == []


def with_chunk(snapshot, outline, workspace):
    prompt = build_prompt(snapshot, outline)
    return Prompt(prompt.prefix, prompt.suffix, prompt.path, (FileChunk("shop/parts.py", "def parse_part(text): ..."),))


def test_cases_are_the_seeds_and_show_the_file_as_it_was_before_the_line(workspace):
    cases = list(draw(workspace, 10, 0, with_chunk, Settings()))
    assert cases == list(draw(workspace, 10, 0, with_chunk, Settings()))
    assert cases != list(draw(workspace, 10, 1, with_chunk, Settings()))
    assert sorted((case.path, case.row) for case in cases) == [
        ("shop/store.py", 12),
        ("shop/store.py", 13),
        ("web/app.ts", 3),
    ]
    assert [case.path for case in cases[:2]] != ["shop/store.py"] * 2
    for case in cases:
        assert case.alone.prefix + case.expected + case.alone.suffix == FILES[case.path]
        assert case.alone.suffix == "\n" + FILES[case.path].partition(f"{case.expected}\n")[2]
        assert case.alone.chunks == ()
        assert case.name in case.expected
        shown = {"parse_part": "name shown"}.get(case.name, "name not shown")
        assert shown in case.groups
    assert len(list(draw(workspace, 2, 0, with_chunk, Settings()))) == 2


def test_no_case_is_in_a_file_that_the_server_completes_nothing_in(tmp_path):
    files = {**FILES, ".pltignore": "web/\n", "shop/secrets.py": FILES["shop/store.py"]}
    with indexed("shop", write(tmp_path / "shop", files)) as workspace:
        cases = list(draw(workspace, 10, 0, with_chunk, Settings(excluded_files=("*/store.py",))))
        assert {case.path for case in cases} == {"shop/secrets.py"}
        assert list(draw(workspace, 10, 0, with_chunk, Settings(disabled_languages=("python",)))) == []


def test_the_settings_budgets_hold(workspace):
    settings = Settings(context=ContextSettings(max_prefix_chars=200, max_suffix_chars=40))
    for case in draw(workspace, 10, 0, with_chunk, settings):
        assert len(case.alone.prefix) <= 200
        assert len(case.alone.suffix) <= 40


def test_packages_are_unpacked_as_folders_and_none_leads_out_of_its_own(tmp_path):
    lines = [json.dumps({"package": "shop", "path": path, "language": "python", "text": FILES[path]}) for path in FILES]
    file = tmp_path / "held_out.jsonl"
    file.write_text("\n".join(lines) + "\n")
    packages = packages_in(file)
    with unpacked("shop", packages["shop"]) as workspace:
        assert workspace.paths == tuple(sorted(FILES))
        assert (workspace.root / "web" / "app.ts").read_text() == FILES["web/app.ts"]
    assert not workspace.root.exists()
    for bad in ('{"package": "a"}', "no JSON", json.dumps({"package": "a", "path": "../b.py", "text": ""})):
        file.write_text(f"{lines[0]}\n{bad}\n")
        with pytest.raises(ValueError, match="line 2"):
            packages_in(file)


def test_other_files_come_before_the_file_and_never_from_it_nor_with_a_secret(tmp_path):
    secret = "hunter2-" + "Tr0ub4dor"
    used = FILES["shop/store.py"].replace("import json\n", "import json\nfrom shop.keys import PASSWORD\n")
    files = {
        **FILES,
        "shop/store.py": used.replace("return self.weight", "return PASSWORD"),
        "shop/keys.py": f'PASSWORD = "{secret}"\n',
        "shop/.env": f"PASSWORD={secret}\n",
    }
    with indexed("shop", write(tmp_path / "shop", files)) as workspace:
        cases = [
            case for case in draw(workspace, 20, 0, prompt_with_others, Settings()) if case.path == "shop/store.py"
        ]
    assert {case.name for case in cases} == {"parse_part", "weigh", "PASSWORD"}
    for case in cases:
        assert replace(case.with_others, chunks=(), repo_name=None) == case.alone
        assert case.with_others.repo_name == "shop"
        paths = [chunk.path for chunk in case.with_others.chunks]
        assert "shop/parts.py" in paths
        assert "shop/store.py" not in paths
        assert secret not in str(case)


def test_the_command_draws_and_measures_in_one_go(tmp_path, capfd):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    root, kept = write(tmp_path / "shop", FILES), tmp_path / "cases.json"
    words = [str(pack.folder), "--cases", "2", "--loops", "2", "--threads", "1", "--drawn", str(kept)]
    assert main(["eval", *words, "--repository", str(root), "--json", str(tmp_path / "out.json")]) == 0
    printed = capfd.readouterr().out
    assert "| line exact match | 2 |" in printed
    assert "tiny R=2, with other files" in printed
    assert "seed 0, cases 2, packages 1" in printed
    assert len(json.loads(kept.read_text())["cases"]) == 2
    assert len(json.loads((tmp_path / "out.json").read_text())["samples"]["tiny R=2"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--repository"], "name one"),
        (["--repository", "no such folder"], "there is no such folder"),
        (["--repository", "--held-out", "no such file"], "No such file"),
    ],
)
def test_the_command_says_what_it_lacks(words, message, capfd):
    assert main(["eval", "pack", *words]) == 2
    assert message in capfd.readouterr().err
