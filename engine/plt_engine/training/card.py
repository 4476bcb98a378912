"""The model card: what a pack was made of, how training went, what was measured, and what it cannot do.

It turns records into Markdown and a picture; it runs nothing and reads no weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, MARGIN = 640, 320, 48
COLOURS = ("#1f5fa8", "#c2571a", "#2b8a3e", "#7b3fa0")
LIMITS = """## Limits

- A small model: it completes lines and short blocks, and its explanations are often shallow or wrong.
- It was trained on windows of 512 tokens; longer prompts work, but were not trained on.
- Python makes up about three quarters of its data and TypeScript and JavaScript a fifth; no other language was taught.
- It may reproduce short stretches of the permissively licensed code that it was trained on.
"""


@dataclass(frozen=True, slots=True)
class CardRecords:
    """What a card is made of: the corpus's report, the run's log lines, the evaluation's table, and plain sentences.

    Attributes:
        earlier_tokens: that the pack was trained on with which the log begins; 0 where that is the base.
    """

    title: str
    license: str
    base_title: str
    corpus: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    table: str | None
    notes: Sequence[str] = ()
    earlier_tokens: int = 0


def card(records: CardRecords, picture: str) -> str:
    """The card as Markdown; `picture` is the file name of the curves."""
    last = records.log[-1]
    earlier = f" They begin after {records.earlier_tokens:,} tokens." if records.earlier_tokens else ""
    chars = records.corpus["chars_by_language"]
    whole = sum(chars.values())
    shares = ", ".join(f"{name} {100 * count / whole:.0f} %" for name, count in chars.items())
    held_out = ", ".join(records.corpus["held_out_chars_by_package"])
    parts = [
        f"# {records.title}",
        f"Licence: {records.license}. Trained from {records.base_title} on "
        f"{records.earlier_tokens + last['tokens']:,} tokens of permissively licensed code, half of it as "
        "fill-in-the-middle in suffix-first order.",
        "## Data",
        f"{records.corpus['files']:,} files of {len(records.corpus['chars_by_package'])} packages ({shares}); the "
        "manifest of the recipe names each with its version, licence and hash. Held out as whole packages, and files "
        f"that share runs of 64 tokens with them dropped: {held_out}.",
        "## Training",
        "The last step's loss at each exit was "
        + ", ".join(f"{loss:.3f}" for loss in last["losses"])
        + f" nats per token.\n\n![Loss at each exit over the tokens trained on]({picture}){earlier}",
        "## Figures",
        *records.notes,
        records.table or "Not measured.",
        LIMITS.strip(),
    ]
    return "\n\n".join(parts) + "\n"


def curves(log: Sequence[Mapping[str, Any]], smoothing: int = 25) -> str:
    """The loss of each exit over tokens, as an SVG picture; each point is the mean of `smoothing` steps up to it.

    An exit's line begins with the stage that supervises it.
    """
    stages = [[line for line in log if len(line["losses"]) > i] for i in range(len(log[-1]["losses"]))]
    series = [_smoothed([line["losses"][i] for line in stage], smoothing) for i, stage in enumerate(stages)]
    num_tokens = log[-1]["tokens"]
    low, high = min(map(min, series)), max(map(max, series))
    span = (high - low) or 1.0

    def place(x: float, y: float) -> str:
        across = MARGIN + (WIDTH - 2 * MARGIN) * x / num_tokens
        return f"{across:.1f},{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (y - low) / span:.1f}"

    lines = [
        f'<polyline fill="none" stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="2" '
        f'points="{" ".join(map(place, [line["tokens"] for line in stages[i]], values))}"/>'
        for i, values in enumerate(series)
    ]
    names = [
        f'<text x="{WIDTH - MARGIN - 60}" y="{MARGIN + 18 * i}" fill="{COLOURS[i % len(COLOURS)]}">exit {i + 1}</text>'
        for i in range(len(series))
    ]
    return "\n".join([_frame(num_tokens, low, high), *lines, *names, "</svg>", ""])


def _frame(num_tokens: int, low: float, high: float) -> str:
    bottom, right = HEIGHT - MARGIN, WIDTH - MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        f'<path d="M{MARGIN},{MARGIN} V{bottom} H{right}" fill="none" stroke="#888"/>\n'
        f'<text x="{MARGIN}" y="{MARGIN - 12}">loss, nats per token</text>\n'
        f'<text x="{MARGIN - 6}" y="{MARGIN + 4}" text-anchor="end">{high:.2f}</text>\n'
        f'<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">{low:.2f}</text>\n'
        f'<text x="{right}" y="{bottom + 20}" text-anchor="end">{num_tokens / 1e6:.2f} M tokens</text>'
    )


def _smoothed(values: Sequence[float], count: int) -> list[float]:
    return [sum(values[max(0, i - count + 1) : i + 1]) / min(count, i + 1) for i in range(len(values))]
