"""The indexes as a client sees them: when one is kept, what is told of it, and that nothing waits for it."""

import asyncio
import os
import signal

import pytest
from lsprotocol import types

from plt_lsp.client import LspClient
from plt_lsp.features.indexing import IndexingProgress
from plt_lsp.index.folders import WorkspaceIndexes, options_of
from plt_lsp.index.messages import IndexState, Report
from plt_lsp.settings import IndexSettings, Settings
from tests.lsp.waiting import is_alive, until
from tests.lsp.workspaces import generate, write

# Whoever asks more often takes the time of the process that is asked about.
ASK_AGAIN_S = 0.02
CAPABILITIES = {
    "textDocument": {"inlineCompletion": {}},
    "window": {"workDoneProgress": True},
    "workspace": {"workspaceFolders": True, "didChangeWatchedFiles": {"dynamicRegistration": True}},
}


@pytest.fixture
def workspace(tmp_path):
    return write(tmp_path / "workspace", {"a.py": "def one(): pass\n", "b.py": "def two(): pass\n"})


async def started(start, *folders, **settings) -> LspClient:
    client = await start()
    client.answer("window/workDoneProgress/create", lambda params: None)
    uris = [folder.as_uri() for folder in folders]
    await client.initialize({"plt": {"index": {"enable": True}, **settings}}, CAPABILITIES, uris)
    return client


async def indexes(client: LspClient) -> list[dict]:
    return (await client.request("plt/status"))["indexes"]


async def until_ready(client: LspClient, num: int = 1, *, but: int | None = None) -> list[dict]:
    """What is told of so many indexes once they are ready, and none of them is kept by the process `but`."""
    found = await indexes(client)
    while [index["state"] for index in found] != ["ready"] * num or but in [index["pid"] for index in found]:
        await asyncio.sleep(ASK_AGAIN_S)
        found = await indexes(client)
    return found


async def test_the_first_file_of_a_workspace_folder_begins_its_index(start, workspace):
    client = await started(start, workspace)
    assert await indexes(client) == []
    client.open((workspace / "a.py").as_uri(), "def one(): pass\n")
    (index,) = await until_ready(client)
    assert index["folder"] == str(workspace.resolve())
    assert (index["numFiles"], index["watching"], index["truncated"]) == (2, True, False)
    assert is_alive(index["pid"])
    client.open((workspace / "b.py").as_uri(), "def two(): pass\n")
    assert [found["pid"] for found in await indexes(client)] == [index["pid"]]
    report = await client.request("workspace/executeCommand", {"command": "plt.doctor"})
    (check,) = [check for check in report["checks"] if check["section"] == "index"]
    assert check["state"] == "ok"
    assert "2 files" in check["detail"]
    await client.request("shutdown")
    client.notify("exit")
    await until(lambda: not is_alive(index["pid"]))


async def test_a_file_that_is_in_no_workspace_folder_begins_none(start, workspace, tmp_path):
    client = await started(start, workspace)
    client.open(write(tmp_path, {"c.py": ""}).joinpath("c.py").as_uri(), "")
    client.open("untitled:Untitled-1", "")
    assert await indexes(client) == []
    assert not (tmp_path / "data" / "cache").exists()
    alone = await started(start)
    alone.open((workspace / "a.py").as_uri(), "")
    assert await indexes(alone) == []


async def test_it_can_be_switched_off_and_on(start, workspace):
    client = await started(start, workspace, index={"enable": False})
    client.open((workspace / "a.py").as_uri(), "")
    assert await indexes(client) == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"index": {"enable": True}}}})
    (index,) = await until_ready(client)
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"index": {"enable": False}}}})
    assert await indexes(client) == []
    await until(lambda: not is_alive(index["pid"]))


async def test_a_folder_that_is_closed_has_none_any_more(start, workspace, tmp_path):
    other = write(tmp_path / "other", {"c.py": ""})
    client = await started(start, workspace, other)
    client.open((workspace / "a.py").as_uri(), "")
    client.open((other / "c.py").as_uri(), "")
    first, second = await until_ready(client, 2)
    event = {"added": [], "removed": [{"uri": workspace.as_uri(), "name": "workspace"}]}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert [index["pid"] for index in await indexes(client)] == [second["pid"]]
    await until(lambda: not is_alive(first["pid"]))


async def test_a_process_that_dies_is_started_again(start, workspace):
    client = await started(start, workspace)
    client.open((workspace / "a.py").as_uri(), "")
    (index,) = await until_ready(client)
    os.kill(index["pid"], signal.SIGKILL)
    await until(lambda: not is_alive(index["pid"]))
    (found,) = await until_ready(client, but=index["pid"])
    assert found["numFiles"] == 2


async def test_its_progress_is_shown(start, tmp_path):
    workspace = generate(tmp_path / "workspace", 250)
    client = await started(start, workspace)
    client.open((workspace / "package_0" / "module_0.py").as_uri(), "")
    await until_ready(client)

    def told() -> list[dict]:
        return [params for params in client.received("$/progress") if params["token"].startswith("plt-indexing")]

    while not told() or told()[-1]["value"]["kind"] != "end":
        await client.wait_for("$/progress", len(client.received("$/progress")) + 1)
    kinds = [params["value"]["kind"] for params in told()]
    assert kinds == ["begin", *["report"] * (len(kinds) - 2), "end"]
    assert told()[0]["value"]["title"] == "Indexing workspace"
    shares = [params["value"]["percentage"] for params in told()[:-1]]
    assert shares == sorted(shares)


class Told:
    """An index that takes what it is told."""

    def __init__(self, *, is_watching: bool):
        self.report = Report(IndexState.READY, is_watching=is_watching)
        self.paths = []

    def note_changed(self, paths):
        self.paths += paths


@pytest.mark.parametrize("is_watching", [True, False])
def test_changes_that_the_editor_sees_go_to_an_index_that_does_not_see_them(tmp_path, is_watching):
    folders, index = WorkspaceIndexes(), Told(is_watching=is_watching)
    folders._folders[tmp_path] = index
    folders.note_changed(str(tmp_path / "a" / "b.py"))
    folders.note_changed("/elsewhere/c.py")
    assert index.paths == ([] if is_watching else ["a/b.py"])


def test_the_settings_say_how_an_index_is_kept():
    settings = Settings(
        excluded_files=("x",), index=IndexSettings(enable=True, max_files=7, max_file_kb=3, max_memory_mb=200)
    )
    options = options_of(settings)
    assert (options.rules.excluded, options.rules.max_files, options.rules.max_file_bytes) == (("x",), 7, 3000)
    assert options.max_memory_mb == 200
    assert options_of(Settings(index=IndexSettings(enable=False))) is None


class Asked:
    """A server whose client takes whatever it is told to register."""

    def __init__(self):
        self.registrations = []

    async def client_register_capability_async(self, params):
        self.registrations += params.registrations


class Kept:
    def __init__(self, *reports):
        self.all = tuple(Told(is_watching=is_watching) for is_watching in reports)

    def watch(self, on_change):
        on_change()


@pytest.mark.parametrize(("watching", "num"), [((True,), 0), ((True, False), 1), ((False, False), 1)])
async def test_an_editor_is_asked_to_watch_where_the_system_does_not(watching, num):
    server = Asked()
    progress = IndexingProgress(server, Kept(*watching))
    watched = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
    workspace = types.WorkspaceClientCapabilities(did_change_watched_files=watched)
    progress.begin(types.ClientCapabilities(workspace=workspace))
    await until(lambda: not progress._changed.is_set())
    progress.close()
    assert [found.method for found in server.registrations] == ["workspace/didChangeWatchedFiles"] * num
    for found in server.registrations:
        globs = [watcher.glob_pattern for watcher in found.register_options.watchers]
        assert any("py" in glob for glob in globs)
        assert any("gitignore" in glob for glob in globs)
