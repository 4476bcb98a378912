"""Fixtures: real server processes, driven over stdio by the project's own client."""

import functools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plt_engine.pack import DATA_DIR_VARIABLE
from plt_lsp.client import LspClient
from tests.fork_server import ForkServer
from tests.lsp.scripted_engine import write_script

FACTORY = "tests.lsp.scripted_engine:load"
ROOT = Path(__file__).parents[2]
OWN_CAPABILITIES = {"inlineCompletionProgress": True, "completionReport": True}

StartServer = Callable[..., Awaitable[LspClient]]

PATIENCE_MS = 120_000


class PatientClient(LspClient):
    """A client whose answers while typing are whole, however slow the machine, unless the test sets their budget."""

    async def initialize(
        self, options: Any = None, capabilities: Any = None, workspace_folders: Sequence[str] = ()
    ) -> Any:
        """Initialize the server with patience and return its answer."""
        return await super().initialize(patient(options), capabilities, workspace_folders)


def patient(options: Any) -> Any:
    """The options with a large latency budget where they are sound and name none."""
    plt = options.get("plt") if isinstance(options, dict) else None
    inline = plt.get("inlineCompletion", {}) if isinstance(plt, dict) else None
    if not isinstance(inline, dict):
        return options
    return {**options, "plt": {**plt, "inlineCompletion": {"latencyBudgetMs": PATIENCE_MS, **inline}}}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """For every process that tests start: tiny models gain nothing from threads, and lose much on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder of the test's own, without any pack."""
    return tmp_path / "data"


@pytest.fixture
def environment(data_dir: Path) -> dict[str, str]:
    """What a server's environment is: this one, with its own data folder and the tests importable."""
    packages = os.pathsep.join(map(str, (ROOT, ROOT / "engine", ROOT / "kernels")))
    return {**os.environ, DATA_DIR_VARIABLE: str(data_dir), "PYTHONPATH": packages}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack for the scripted engine."""
    return write_script(tmp_path / "pack", text="return a + b\n")


def check_message(method: str, params: object, part: str = "params") -> None:
    """Hold what the server said in a message of the project's own to its schema; raises ValidationError."""
    if method.startswith("plt/"):
        validator(method, part).validate(params)


@functools.cache
def validator(method: str, part: str) -> jsonschema.protocols.Validator:
    """What holds a message to the schema."""
    schema = json.loads((ROOT / "schemas" / "messages.schema.json").read_text(encoding="utf-8"))
    here = schema["properties"][method]["properties"][part]
    return jsonschema.Draft202012Validator({"$schema": schema["$schema"], "$defs": schema["$defs"], **here})


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Where servers come from; each would need a second and more to import what it is made of."""
    with ForkServer(tmp_path_factory.mktemp("forks"), "plt_lsp.cli", "plt_lsp.server") as server:
        yield server


@pytest.fixture
async def start(environment: dict[str, str], fork_server: ForkServer) -> AsyncIterator[StartServer]:
    """Start servers, which are ended with the test whatever state they are in."""
    started: list[LspClient] = []

    async def start_server(*words: str) -> LspClient:
        words = words or ("--engine-factory", FACTORY)
        client = PatientClient(await fork_server.start(("serve", "--stdio", *words), environment))
        started.append(client)
        return client

    yield start_server
    for client in started:
        await client.kill()
    for client in started:
        for method, params in client.notifications:
            check_message(method, params)


@pytest.fixture
async def client(start: StartServer, pack: Path) -> LspClient:
    """An initialized server with the scripted engine, whose client takes progress and reports, and one text."""
    client = await start()
    settings = {"model": str(pack), "inlineCompletion": {"alternatives": 1}, "capabilities": OWN_CAPABILITIES}
    await client.initialize({"plt": settings})
    return client
