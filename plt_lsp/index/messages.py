"""What the server and the index's process say to each other, and its form as JSON in a frame.

It does no IO. The end of the stream ends the process, so that there is no message for it.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

import cattrs
import orjson

from plt_engine.errors import HostError
from plt_engine.framing import encode_frame
from plt_lsp.index.belonging import Rules

# What the process may have unless the user says otherwise.
MAX_MEMORY_MB = 512
# How far the process stands back where others want the processor, as nice(2) counts.
NICENESS = 15


@dataclass(frozen=True, slots=True)
class Begin:
    """Keep the index of a workspace folder by these rules; once more with other rules for the same folder.

    Attributes:
        root: the folder's absolute path, symbolic links resolved.
        database: the absolute path of the database.
        rules: what belongs.
    """

    root: str
    database: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Changed:
    """The editor has seen something change.

    Attributes:
        paths: relative to the workspace folder, with `/`.
    """

    paths: tuple[str, ...]


Order = Begin | Changed
_ORDERS: dict[str, type[Begin] | type[Changed]] = {"begin": Begin, "changed": Changed}


class IndexState(StrEnum):
    """What the index's process is doing."""

    OFF = "off"
    STARTING = "starting"
    WAITING = "waiting"  # another window's process keeps this index
    SCANNING = "scanning"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """How far the index is.

    Attributes:
        state: what the process is doing.
        num_done: files read since it last had nothing to do.
        num_total: those, and the ones that are still to be read.
        num_files: that the index holds.
        is_watching: whether it sees by itself what changes; otherwise the editor has to say so.
        is_truncated: whether there are more files than it may hold.
        max_rss_bytes: the most memory that the process has had.
    """

    state: IndexState
    num_done: int = 0
    num_total: int = 0
    num_files: int = 0
    is_watching: bool = False
    is_truncated: bool = False
    max_rss_bytes: int = 0


def encode_order(order: Order) -> bytes:
    """The frame of an order."""
    name = next(name for name, kind in _ORDERS.items() if isinstance(order, kind))
    return encode_frame(orjson.dumps({"type": name, "body": asdict(order)}))


def decode_order(body: bytes) -> Order:
    """The order in a frame's body; raises HostError where it is none."""
    try:
        raw = orjson.loads(body)
        return cattrs.structure(raw["body"], _ORDERS[raw["type"]])
    except Exception as error:  # cattrs groups its errors under several types
        raise HostError(f"not an order to the index: {error!r}") from None


def encode_report(report: Report) -> bytes:
    """The frame of a report."""
    return encode_frame(orjson.dumps(asdict(report)))


def decode_report(body: bytes) -> Report:
    """The report in a frame's body; raises HostError where it is none."""
    try:
        return cattrs.structure(orjson.loads(body), Report)
    except Exception as error:
        raise HostError(f"not a report of the index: {error!r}") from None
