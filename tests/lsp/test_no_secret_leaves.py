"""A workspace full of planted secrets, worked in through a real server: none is in any prompt, log or cache file."""

from pathlib import Path

import pytest

from plt_lsp.context.stores import is_credentials_store
from plt_lsp.documents import split_lines
from plt_lsp.exclusions import is_excluded
from plt_lsp.index.reading import NotRead, contents_of
from plt_lsp.reasons import EmptyReason
from plt_lsp.settings import Settings
from plt_lsp.trigger import refusal
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.planted import INNOCENT, PLANTED
from tests.lsp.scripted_engine import read_journal
from tests.lsp.snapshots import CURSOR, snapshot_at
from tests.lsp.test_indexing import until_ready
from tests.lsp.workspaces import write

KEPT = ["s3cr3t-" + f"Store{i}xQ9" for i in range(6)]
STORE = "# of the staging system\n[database]\nhost = localhost\nport = 5432\n" + "".join(
    f"password_{i} = {secret}\n" for i, secret in enumerate(KEPT)
)
OUTSIDE = "outs1de" + "-Pa55word"
DEFAULTS = Settings().excluded_files
BEFORE = "import os\n\n\ndef connect(host, port):\n    return open_connection(host, port)\n\n\n"
AFTER = "\ndef again(host):\n    connection = connect(host, 80)\n    return connection\n"
SECRETS = [*(planted.secret for planted in PLANTED), *KEPT, OUTSIDE]


@pytest.fixture
def workspace(tmp_path) -> Path:
    files = {f"planted/file_{i}{one.suffix}": BEFORE + one.source + AFTER for i, one in enumerate(PLANTED)}
    stores = {".env": STORE, "planted/id_rsa": STORE, "planted/staging.py": STORE, "planted/config.toml": STORE}
    root = write(tmp_path / "workspace", {**files, **stores, "planted/app.py": BEFORE + AFTER})
    outside = write(tmp_path / "outside", {"planted.py": f'{BEFORE}password = "{OUTSIDE}"\n{AFTER}'})
    (root / "planted" / "linked.py").symlink_to(outside / "planted.py")
    (root / "linked").symlink_to(outside)
    return root


def everything_in(*folders: Path) -> bytes:
    return b"\n".join(path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())


async def test_no_secret_is_in_any_prompt_log_or_cache_file(start, workspace, pack, data_dir):
    client = await start()
    options = {"model": str(pack), "capabilities": OWN_CAPABILITIES, "index": {"enable": True}, "logLevel": "debug"}
    await client.initialize({"plt": options}, {"workspace": {"workspaceFolders": True}}, [workspace.as_uri()])
    app = (workspace / "planted" / "app.py").as_uri()
    client.open(app, BEFORE + AFTER)
    (index,) = await until_ready(client)
    assert index["numFiles"] == len(PLANTED) + 1
    for i, planted in enumerate(PLANTED):
        uri = (workspace / "planted" / f"file_{i}{planted.suffix}").as_uri()
        text = BEFORE + planted.source + AFTER
        client.open(uri, text)
        end = text.index(planted.secret) + len(planted.secret)
        lines = text[:end].split("\n")
        await client.inline_completion(uri, len(lines) - 1, len(lines[-1]))
        await client.inline_completion(uri, text.count("\n"), 0)
    await client.inline_completion(app, 8, 0)
    for name in (".env", "planted/staging.py", "planted/config.toml", "planted/id_rsa"):
        uri = (workspace / name).as_uri()
        client.open(uri, STORE)
        assert (await client.inline_completion(uri, 0, 0))["items"] == []
        told, reason = await client.request("plt/status"), "excluded" if is_excluded(name, DEFAULTS) else "credentials"
        assert (told["kind"], told["reason"]) == ("Inactive", reason)
        await client.inline_completion(app, 8, 0)
    await client.request("shutdown")
    client.notify("exit")
    prompts = [event["request"]["prompt"] for event in read_journal(pack) if event["event"] == "generate"]
    assert len(prompts) > len(PLANTED)
    assert any(prompt["chunks"] for prompt in prompts)
    assert all("linked" not in chunk["path"] for prompt in prompts for chunk in prompt["chunks"])
    found = everything_in(pack, data_dir / "logs", data_dir / "cache")
    assert b"open_connection" in found
    for secret in SECRETS:
        assert secret.encode() not in found
        assert repr(secret)[1:-1].encode() not in found


@pytest.mark.parametrize(
    "text",
    [
        STORE,
        "".join(f'export API_KEY_{i}="{secret}"\n' for i, secret in enumerate(KEPT)),
        "{\n" + ",\n".join(f'  "token_{i}": "{secret}"' for i, secret in enumerate(KEPT)) + "\n}\n",
        "\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_file_that_is_about_credentials_gets_nothing_and_is_not_kept(text):
    lines = split_lines(text)
    assert is_credentials_store(lines)
    assert all(is_credentials_store(lines, row) for row in range(4, len(lines) - 1))
    assert refusal(snapshot_at(text + CURSOR), is_automatic=True) is EmptyReason.CREDENTIALS
    assert contents_of(text.encode(), "python") is NotRead.CREDENTIALS


def test_code_with_secrets_in_it_is_no_store():
    code = "def f(a):\n    b = a + 1\n    return b\n\n\n" * 10
    for planted in PLANTED:
        assert not is_credentials_store(split_lines(code + planted.source))
    assert not is_credentials_store(split_lines(code + "".join(f'password_{i} = "{s}"\n' for i, s in enumerate(KEPT))))
    assert not is_credentials_store(split_lines("".join(INNOCENT)))
    assert not is_credentials_store([""])
    assert refusal(snapshot_at(code + PLANTED[0].source + CURSOR), is_automatic=True) is None


def test_a_file_of_a_secret_name_gets_nothing():
    snapshot = snapshot_at(f"x = {CURSOR}\n")
    named = type(snapshot)(**{name: getattr(snapshot, name) for name in snapshot.__slots__} | {"path": "a/.ssh/b.py"})
    assert refusal(named, is_automatic=False) is EmptyReason.CREDENTIALS
