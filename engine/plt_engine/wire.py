"""The messages between the engine process and its clients, and their form as JSON.

It does no IO and knows nothing of frames and streams, which are `plt_engine.framing`'s.

A message is the JSON object `{"type": name, "body": fields}`.

    client -> host   load, generate, abort, close_session, ping, get_stats, shutdown
    host -> client   ready, load_progress, loaded, chunk, output, aborted, failed, pong, stats

Every load and generate is answered by exactly one of loaded, output, aborted and failed, whatever happens in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import EnumType
from functools import cache
from typing import ClassVar, TypeVar

import cattrs
import orjson

from plt_engine import types
from plt_engine.errors import HostError
from plt_engine.types import EngineInfo, GenerationChunk, GenerationOutput, GenerationRequest, LoopLatency

PROTOCOL_VERSION = 4
OptionValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Which pack to serve, and how.

    Attributes:
        pack_dir: the pack's folder, as an absolute path.
        options: fields of `plt_engine.engine.EngineOptions` that differ from their defaults.
        fingerprint: changes when the pack is built anew in its place, so that the new one is loaded.
    """

    pack_dir: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """Load a pack now; answered by Loaded or Failed, with LoadProgress before it."""

    type: ClassVar[str] = "load"
    request_id: str
    config: EngineConfig


@dataclass(frozen=True, slots=True)
class Generate:
    """Generate one completion, loading the pack first where it is not the one that is loaded."""

    type: ClassVar[str] = "generate"
    config: EngineConfig
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop a request, running or queued; one that is unknown or over is no error."""

    type: ClassVar[str] = "abort"
    request_id: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Forget what is kept for a session; one that is unknown is no error."""

    type: ClassVar[str] = "close_session"
    session_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by a Pong with the same nonce, also while a generation runs."""

    type: ClassVar[str] = "ping"
    nonce: str


@dataclass(frozen=True, slots=True)
class GetStats:
    """Answered by Stats, also while a generation runs."""

    type: ClassVar[str] = "get_stats"
    request_id: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the process at once; no answer."""

    type: ClassVar[str] = "shutdown"


@dataclass(frozen=True, slots=True)
class Ready:
    """The first message of every host."""

    type: ClassVar[str] = "ready"
    protocol_version: int
    pid: int


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """A pack is being loaded on behalf of this request."""

    type: ClassVar[str] = "load_progress"
    request_id: str
    pack_dir: str
    stage: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The pack is loaded; the answer to Load, and sent before the first chunk of a Generate that loaded it."""

    type: ClassVar[str] = "loaded"
    request_id: str
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text that a running generation has added."""

    type: ClassVar[str] = "chunk"
    chunk: GenerationChunk


@dataclass(frozen=True, slots=True)
class Output:
    """The end of a generation."""

    type: ClassVar[str] = "output"
    output: GenerationOutput


@dataclass(frozen=True, slots=True)
class Aborted:
    """A request was aborted before its generation began."""

    type: ClassVar[str] = "aborted"
    request_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed; `kind` is the name of a class in `plt_engine.errors`, `message` is for the user."""

    type: ClassVar[str] = "failed"
    request_id: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to Ping."""

    type: ClassVar[str] = "pong"
    nonce: str


@dataclass(frozen=True, slots=True)
class Stats:
    """What a host says of itself.

    Attributes:
        request_id: of the GetStats that this answers.
        pid: the host's process id.
        uptime_ms: since the host started.
        max_rss_bytes: the most memory it has held.
        num_queued: requests waiting.
        num_finished: generations that ended with an output.
        num_failed: loads and generations that failed.
        info: the loaded engine, or None.
        latencies: what it knows of this machine's speed, for each loop count.
    """

    type: ClassVar[str] = "stats"
    request_id: str
    pid: int
    uptime_ms: float
    max_rss_bytes: int
    num_queued: int
    num_finished: int
    num_failed: int
    info: EngineInfo | None = None
    latencies: tuple[LoopLatency, ...] = ()


ClientMessage = Load | Generate | Abort | CloseSession | Ping | GetStats | Shutdown
HostMessage = Ready | LoadProgress | Loaded | Chunk | Output | Aborted | Failed | Pong | Stats
Message = ClientMessage | HostMessage

CLIENT_MESSAGES: Mapping[str, type[ClientMessage]] = {
    kind.type: kind for kind in (Load, Generate, Abort, CloseSession, Ping, GetStats, Shutdown)
}
HOST_MESSAGES: Mapping[str, type[HostMessage]] = {
    kind.type: kind for kind in (Ready, LoadProgress, Loaded, Chunk, Output, Aborted, Failed, Pong, Stats)
}


M = TypeVar("M")


def encode_message(message: Message) -> bytes:
    """The JSON of a message.

    Raises:
        HostError: where a text holds half a surrogate pair, which no JSON decoder would take.
    """
    try:
        return orjson.dumps({"type": message.type, "body": message})
    except TypeError as error:
        raise HostError(f"a {message.type!r} message cannot be written as JSON: {error}") from None


def decode_client_message(data: bytes) -> ClientMessage:
    """The message that a client sent; raises HostError where the bytes are none."""
    return _decode(data, CLIENT_MESSAGES)


def decode_host_message(data: bytes) -> HostMessage:
    """The message that a host sent; raises HostError where the bytes are none."""
    return _decode(data, HOST_MESSAGES)


def _decode(data: bytes, kinds: Mapping[str, type[M]]) -> M:
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise HostError(f"a message of {len(data)} bytes is not JSON: {error}") from None
    name = raw.get("type") if isinstance(raw, dict) else None
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise HostError(f"a message has the type {name!r}; known are {', '.join(kinds)}")
    try:
        return _converter().structure(raw.get("body"), kind)
    except Exception as error:  # cattrs' errors share no base with those of the hooks below
        raise HostError(f"a {name!r} message is malformed: {type(error).__name__}: {error}") from None


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly(plain))
    converter.register_structure_hook(float, _number)
    # A hook for `str` or `int` is taken for its subclasses too, which the enumerations are.
    for kind in vars(types).values():
        if isinstance(kind, EnumType):
            converter.register_structure_hook(kind, lambda value, enumeration: enumeration(value))
    converter.register_structure_hook_func(lambda kind: kind == OptionValue, lambda value, _: _option(value))
    return converter


def _exactly(kind: type[M]) -> Callable[[object, object], M]:
    def structure(value: object, _: object) -> M:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
        return value

    return structure


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, found {type(value).__name__}")
    return float(value)


def _option(value: object) -> OptionValue:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise TypeError(f"expected text, a number, a truth value or null, found {type(value).__name__}")
    return value
