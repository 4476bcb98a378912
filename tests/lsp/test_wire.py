"""Messages and frames between the server and the engine process: each survives the way, or is refused by name."""

import struct
from dataclasses import fields, is_dataclass
from enum import Enum

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine import wire
from plt_engine.errors import HostError
from plt_engine.framing import FrameDecoder, encode_frame
from plt_engine.types import EngineInfo, GenerationRequest, Prompt, RefactorEvidence, StopSpec, StopUnit

MESSAGES = [*wire.CLIENT_MESSAGES.values(), *wire.HOST_MESSAGES.values()]


def same_types(one: object, other: object) -> bool:
    """Equality that tells an enum's member from its value, and 1 from 1.0."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one) and not isinstance(one, type):
        return all(same_types(getattr(one, item.name), getattr(other, item.name)) for item in fields(one))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same_types, one, other))
    return one == other


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.type)
@given(data=st.data())
def test_every_message_survives_the_way(kind, data):
    message = data.draw(st.builds(kind))
    decode = wire.decode_client_message if kind.type in wire.CLIENT_MESSAGES else wire.decode_host_message
    (body,) = FrameDecoder().feed(encode_frame(wire.encode_message(message)))
    assert same_types(decode(body), message)


options = st.dictionaries(st.text("ab", max_size=3), st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 1))
st.register_type_strategy(wire.EngineConfig, st.builds(wire.EngineConfig, st.text("ab/"), options))
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
evidence = st.dictionaries(st.text("ab", max_size=3), st.builds(RefactorEvidence))
st.register_type_strategy(
    EngineInfo, st.builds(EngineInfo, can_chat=st.booleans(), can_infill=st.booleans(), refactor_evidence=evidence)
)


def test_an_enum_comes_back_as_its_member():
    request = GenerationRequest("r", "s", Prompt("x"), stop=StopSpec(unit=StopUnit.BLOCK))
    message = wire.decode_client_message(wire.encode_message(wire.Generate(wire.EngineConfig("/p"), request)))
    assert isinstance(message, wire.Generate)
    assert isinstance(message.request.stop.unit, Enum)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 9))
def test_frames_come_out_whole_however_the_stream_is_cut(bodies, size):
    stream = b"".join(encode_frame(body) for body in bodies)
    decoder = FrameDecoder()
    found = [body for i in range(0, len(stream), size) for body in decoder.feed(stream[i : i + size])]
    assert found == bodies
    assert decoder.num_buffered_bytes == 0


def test_a_frame_above_the_limit_is_refused_before_it_is_read():
    with pytest.raises(HostError, match=r"announces 4294967295 bytes; the limit is"):
        list(FrameDecoder().feed(struct.pack(">I", 2**32 - 1)))
    with pytest.raises(HostError, match="5 bytes exceeds the limit of 4"):
        encode_frame(b"12345", max_frame_bytes=4)


def test_half_a_frame_is_seen():
    decoder = FrameDecoder()
    assert list(decoder.feed(encode_frame(b"abc")[:-1])) == []
    assert decoder.num_buffered_bytes == 6


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "type None"),
        (b'{"type": "sing"}', "type 'sing'"),
        (b'{"type": "abort"}', "malformed"),
        (b'{"type": "abort", "body": {}}', "request_id"),
        (b'{"type": "abort", "body": {"request_id": 5}}', "expected str, found int"),
        (b'{"type": "abort", "body": {"request_id": "a", "more": 1}}', "more"),
        (b'{"type": "load", "body": {"request_id": "a", "config": {"pack_dir": "p", "options": {"x": []}}}}', "list"),
        (b'{"type": "output", "body": {}}', "type 'output'"),
    ],
)
def test_a_broken_message_is_one_clear_error(raw, words):
    with pytest.raises(HostError, match=words):
        wire.decode_client_message(raw)


def test_a_wrong_value_of_an_enum_is_named():
    message = wire.Generate(wire.EngineConfig("/p"), GenerationRequest("r", "s", Prompt("x")))
    raw = orjson.loads(wire.encode_message(message))
    raw["body"]["request"]["stop"]["unit"] = "page"
    with pytest.raises(HostError, match="page"):
        wire.decode_client_message(orjson.dumps(raw))


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(HostError, match="'abort' message cannot be written"):
        wire.encode_message(wire.Abort("\ud83d"))
