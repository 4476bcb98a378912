"""What a real server shows the model of other files, as the engine was asked; what it never shows; what it keeps."""

from pathlib import Path

import pytest

from plt_lsp.client import LspClient
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.test_indexing import until_ready
from tests.lsp.workspaces import write

PRICES = '''"""Prices."""


def total(items: list[str], rate: float = 0.2) -> float:
    """The price of all items, with tax."""
    return sum(map(float, items)) * (1 + rate)


class Cart:
    """What somebody wants to buy."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.items: list[str] = []

    def add(self, item: str, number: int = 1) -> None:
        """Put something in."""
        for _ in range(number):
            self.items.append(item)
            print(item)

    def clear(self) -> None:
        """Take everything out."""
        self.items = []
        print("cleared")
'''
APP = 'from shop.prices import Cart, total\n\n\ndef main() -> None:\n    cart = Cart("me")\n    total(\n'
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def workspace(tmp_path) -> Path:
    return write(tmp_path / "shop-front", {"shop/__init__.py": "", "shop/prices.py": PRICES, "shop/app.py": APP})


async def opened(start, workspace: Path, pack: Path, **settings) -> LspClient:
    """A server whose index of the workspace is ready, with the file `shop/app.py` open."""
    client = await start()
    options = {"model": str(pack), "capabilities": OWN_CAPABILITIES, "engine": {"foresight": False}, **settings}
    options["inlineCompletion"] = {"alternatives": 1}
    await client.initialize({"plt": options}, {"workspace": {"workspaceFolders": True}}, [workspace.as_uri()])
    client.open((workspace / "shop" / "app.py").as_uri(), APP)
    if options.get("index", {}).get("enable", True):
        await until_ready(client)
    return client


def prompts(pack: Path) -> list[dict]:
    return [entry["request"]["prompt"] for entry in read_journal(pack) if entry["event"] == "generate"]


async def prompt_at(client: LspClient, workspace: Path, pack: Path, line: int = 5, character: int = 10) -> dict:
    """What the engine is asked once the time that gathering takes does not matter."""
    uri = (workspace / "shop" / "app.py").as_uri()
    for _ in range(5):
        await client.inline_completion(uri, line, character)
        if prompts(pack)[-1]["chunks"]:
            break
    return prompts(pack)[-1]


async def test_the_model_is_shown_what_the_file_imports(start, workspace, pack):
    client = await opened(start, workspace, pack)
    prompt = await prompt_at(client, workspace, pack)
    (chunk,) = prompt["chunks"]
    assert chunk["path"] == "shop/prices.py"
    assert 'def total(items: list[str], rate: float = 0.2) -> float:\n    """The price of all items' in chunk["text"]
    assert "class Cart:" in chunk["text"]
    assert "def add(self, item: str, number: int = 1) -> None: ..." in chunk["text"]
    assert prompt["repo_name"] == "shop-front"
    assert prompt["path"] == "shop/app.py"
    assert prompt["prefix"] + prompt["suffix"] == APP


async def test_it_is_told_why(start, workspace, pack):
    client = await opened(start, workspace, pack)
    place = [(workspace / "shop" / "app.py").as_uri(), {"line": 5, "character": 10}]
    told = await client.request("workspace/executeCommand", {"command": "plt.showContext", "arguments": place})
    (part,) = [part for part in told["report"]["parts"] if part["source"] == "definitions"]
    assert part["place"] == "shop/prices.py"
    assert part["why"] == "total is used; Cart is used"
    assert part["score"] == 1.0
    assert part["num_chars"] == len(told["prompt"]["chunks"][0]["text"])
    assert "the tokens are not counted: " in told["text"]  # the scripted engine's pack has no tokenizer
    assert "--- of shop/prices.py\n" in told["text"]
    assert read_journal(pack) == []


async def test_a_file_that_is_open_is_shown_as_it_is_in_the_editor(start, workspace, pack):
    client = await opened(start, workspace, pack)
    other = (workspace / "shop" / "orders.py").as_uri()
    lines = [f"    cart = Cart('{i}')\n    total(cart.items, rate={i})\n    print(cart.owner)\n" for i in range(3)]
    client.open(other, "def place_orders():\n" + "".join(lines) + "    return main_order\n")
    prompt = await prompt_at(client, workspace, pack)
    (chunk,) = [chunk for chunk in prompt["chunks"] if chunk["path"] == "shop/orders.py"]
    assert chunk["text"].startswith("def place_orders():\n    cart = Cart('0')\n")


async def test_what_was_edited_elsewhere_is_shown_as_it_was_and_is(start, workspace, pack):
    client = await opened(start, workspace, pack)
    other = (workspace / "shop" / "prices.py").as_uri()
    client.open(other, PRICES)
    row = PRICES.split("\n").index("        self.owner = owner")
    old, new = {"line": row, "character": 8}, {"line": row, "character": 26}
    client.change(other, 2, {"range": {"start": old, "end": new}, "text": "self.customer = owner.title()"})
    prompt = await prompt_at(client, workspace, pack)
    texts = [chunk["text"] for chunk in prompt["chunks"]]
    assert "# before:\n#         self.owner = owner\n# now:\n        self.customer = owner.title()\n" in texts


async def test_a_kept_text_is_asked_for_anew_once_another_file_was_edited(start, workspace, pack):
    client = await opened(start, workspace, pack)
    other = (workspace / "shop" / "prices.py").as_uri()
    client.open(other, PRICES)
    write_script(pack, text="cart.items)")
    await prompt_at(client, workspace, pack)
    num = len(prompts(pack))
    uri = (workspace / "shop" / "app.py").as_uri()
    await client.inline_completion(uri, 5, 10, is_automatic=True)
    assert len(prompts(pack)) == num
    here = {"line": 0, "character": 0}
    client.change(other, 2, {"range": {"start": here, "end": here}, "text": "#"})
    await client.inline_completion(uri, 5, 10, is_automatic=True)
    assert len(prompts(pack)) == num + 1


@pytest.mark.parametrize(
    "settings", [{"context": {"maxChunkChars": 0}}, {"excludedFiles": ["prices.py"]}, {"index": {"enable": False}}]
)
async def test_what_the_settings_exclude_is_not_shown(start, workspace, pack, settings):
    client = await opened(start, workspace, pack, **settings)
    if "excludedFiles" in settings:
        client.open((workspace / "shop" / "prices.py").as_uri(), PRICES)
    prompt = await prompt_at(client, workspace, pack)
    assert prompt["chunks"] == []


async def test_secrets_of_open_files_are_not_shown(start, workspace, pack):
    client = await opened(start, workspace, pack)
    lines = ("cart = Cart('me')", "total(cart.items)", f"main(TOKEN='{SECRET}')", "print(cart.owner)")
    text = "def place():\n" + "".join(f"    {line}\n" for line in lines)
    client.open((workspace / "shop" / "orders.py").as_uri(), text)
    client.open((workspace / "shop" / "credentials.ini").as_uri(), text, "python")
    client.open((workspace / "shop" / ".env").as_uri(), text, "python")
    prompt = await prompt_at(client, workspace, pack)
    assert {chunk["path"] for chunk in prompt["chunks"]} == {"shop/prices.py", "shop/orders.py"}
    assert SECRET not in str(prompts(pack))
    assert "redacted" in str(prompt["chunks"])


async def test_a_file_that_is_ignored_is_not_shown_though_it_is_open_and_edited(start, workspace, pack):
    write(workspace, {".pltignore": "orders.py\n"})
    client = await opened(start, workspace, pack)
    other, line = (workspace / "shop" / "orders.py").as_uri(), "    total(Cart('me').items, main)\n"
    client.open(other, "def place():\n" + 4 * line)
    here = {"line": 2, "character": 0}
    client.change(other, 2, {"range": {"start": here, "end": here}, "text": "    place_all(cart)\n"})
    prompt = await prompt_at(client, workspace, pack)
    assert [chunk["path"] for chunk in prompt["chunks"]] == ["shop/prices.py"]


async def test_a_file_that_is_in_no_folder_is_shown_alone(start, workspace, pack, tmp_path):
    client = await opened(start, workspace, pack)
    alone = tmp_path / "alone.py"
    client.open(alone.as_uri(), APP)
    await client.inline_completion(alone.as_uri(), 5, 10)
    assert prompts(pack)[-1]["chunks"] == []
