"""That the end-to-end tests really run without a network, as `make e2e` has them do."""

import errno
import socket
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def test_there_is_no_interface_but_loopback_and_no_way_out() -> None:
    rows = Path("/proc/net/dev").read_text().splitlines()[2:]
    assert [row.partition(":")[0].strip() for row in rows] == ["lo"], "run `make e2e`, which takes the network away"
    with socket.socket() as out, pytest.raises(OSError) as found:
        out.connect(("192.0.2.1", 80))
    assert found.value.errno == errno.ENETUNREACH
