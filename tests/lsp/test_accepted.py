"""The accept command: each offer is counted once, and nothing an editor sends can hurt."""

import pytest

from plt_lsp.offers import MAX_OFFERS, Offers
from tests.lsp.test_server import URI, items


async def run(client, command, *arguments):
    return await client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


async def test_an_accepted_completion_is_counted_once(client, pack):
    client.open(URI, "def add(a, b):\n    \n")
    (item,) = await items(client, 1, 4)
    command = item["command"]
    for _ in range(2):
        await run(client, command["command"], *command["arguments"])
    counts = (await client.request("plt/status", {}))["counts"]
    assert counts["accepted"] == 1
    assert counts["accepted.characters"] == len("return a + b")


@pytest.mark.parametrize("arguments", [[], [12345], ["x"], [None], [1, 2]])
async def test_a_number_that_was_never_offered_is_ignored(client, pack, arguments):
    await run(client, "plt.completionAccepted", *arguments)
    assert "accepted" not in (await client.request("plt/status", {}))["counts"]


def test_offers_are_bounded_and_taken_once():
    offers = Offers()
    numbers = [offers.add("x" * i) for i in range(MAX_OFFERS + 5)]
    assert offers.take(numbers[0]) is None
    assert offers.take(numbers[-1]) == MAX_OFFERS + 4
    assert offers.take(numbers[-1]) is None
