"""What repeats the settings' definition is fresh, and says what the parser does."""

import json

import jsonschema
import pytest

from plt_lsp import messages
from plt_lsp.message_schema import message_schema
from plt_lsp.schema import ROOT, VSCODE_FILE, generated, json_schema, property_of, readme_table
from plt_lsp.settings import Scope, all_specs
from plt_lsp.settings_parser import parse_settings
from tests.lsp.conftest import check_message


@pytest.mark.parametrize("path", [path for path, _, _ in generated()], ids=lambda path: path.name)
def test_generated_files_are_fresh(path):
    current, wanted = next((current, wanted) for other, current, wanted in generated() if other == path)
    assert current == wanted, f"{path.name} is stale; run `python -m plt_lsp.schema`"


def test_every_setting_is_in_the_schema_and_in_the_table():
    schema, table = json.loads(json_schema()), readme_table()
    for spec in all_specs():
        place = schema
        for name in spec.key.split("."):
            place = place["properties"][name]
        assert place["default"] == json.loads(json.dumps(spec.default))
        assert place["description"]
        assert f"`plt.{spec.key}`" in table


@pytest.mark.parametrize("spec", all_specs(), ids=lambda spec: spec.key)
def test_the_parser_takes_what_the_schema_allows_and_refuses_what_it_does_not(spec):
    def parse(value):
        raw = value
        for name in reversed(spec.key.split(".")):
            raw = {name: raw}
        return parse_settings({"plt": raw})[1]

    schema = property_of(spec)
    assert parse(schema["default"]) == ()
    for allowed in (schema.get("minimum"), schema.get("maximum"), *schema.get("enum", ())):
        if allowed is not None:
            assert parse(allowed) == ()
    for refused in ({"an": "object"}, *([schema["minimum"] - 1] if "minimum" in schema else [])):
        assert parse(refused) != ()


def test_paths_and_executables_are_the_users_alone():
    for spec in all_specs():
        if spec.key in ("model", "engine.threads", "engine.maxContextTokens"):
            assert spec.about.scope is Scope.USER


def test_vs_code_offers_no_setting_for_a_single_folder_and_paths_to_the_user_alone():
    groups = json.loads((ROOT / VSCODE_FILE).read_text())["contributes"]["configuration"]
    scopes = {key: one["scope"] for group in groups for key, one in group["properties"].items()}
    assert set(scopes.values()) == {"window", "machine"}
    for key in ("plt.model", "plt.server.path", "plt.server.python", "plt.server.package", "plt.server.pipArguments"):
        assert scopes[key] == "machine"


def test_every_message_of_the_project_is_described_field_by_field():
    schema = json.loads(message_schema())
    sent = {value for name, value in vars(messages).items() if name.isupper() and str(value).startswith("plt/")}
    assert schema["properties"].keys() == sent
    for name, definition in schema["$defs"].items():
        if name not in ("PositionJson", "RangeJson", "CommandJson", "TextDocumentJson"):  # the protocol's own
            assert all(field.get("description") for field in definition["properties"].values()), name


def test_a_message_that_differs_from_its_schema_is_refused():
    good = {"requestId": 1, "uri": "file:///a", "position": {"line": 0, "character": 0}, "text": "x", "done": True}
    good |= {"cancelled": False}
    check_message("plt/inlineCompletionProgress", good)
    for bad in ({**good, "text": None}, {**good, "more": 1}, {k: v for k, v in good.items() if k != "done"}):
        with pytest.raises(jsonschema.ValidationError):
            check_message("plt/inlineCompletionProgress", bad)


async def test_the_status_is_what_its_schema_says(client, pack):
    check_message("plt/status", await client.request("plt/status"), "result")
    client.open("file:///a.py", "x = 1\n")
    await client.inline_completion("file:///a.py", 1, 0)
    check_message("plt/status", await client.request("plt/status"), "result")
