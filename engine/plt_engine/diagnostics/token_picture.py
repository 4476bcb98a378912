"""The picture of a text whose tokens are coloured by what the loops did to the prediction of each.

It lays out tokens in lines and columns of one width; how they came about is not known here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from plt_engine.diagnostics.diagnosis import Diagnosis, ShownToken
from plt_engine.diagnostics.svg import NUM_HUES, Picture, hue, legend, text, three

WIDTH, LEFT = 760, 16
COLUMNS, CHAR_WIDTH, LINE_HEIGHT = 100, 7.25, 19
MAX_LINES = 40
TAB = "    "
STRONGEST, WEAKEST = 0.75, 0.0
CLIPPED_SHARE = 0.95
"""Values above this quantile all have the strongest colour: a single one would leave all others pale."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of one token on one line."""

    row: int
    column: int
    text: str
    token: ShownToken


@dataclass(frozen=True, slots=True)
class Paint:
    """The colour of a token: a hue, and how strong from 0 to 1."""

    colour: str
    strength: float


def token_picture(diagnosis: Diagnosis) -> Picture | None:
    """One panel for what each token cost, or, where loops can be compared, one for each of shift and gain."""
    shown = diagnosis.shown
    cells = list(_cells(shown.tokens))
    if not cells:
        return None
    drawn = _dense_panels if diagnosis.about.loops == 1 else _loop_panels
    body, height = drawn(cells, diagnosis.about.loops, f"From {shown.file}, line {shown.line} on.")
    title = "What each token cost" if diagnosis.about.loops == 1 else "What the loops change, token by token"
    return Picture("tokens", title, _in_words(shown.tokens), WIDTH, height, body)


def _cells(tokens: Sequence[ShownToken]) -> Iterator[Cell]:
    row = column = 0
    for token in tokens:
        for piece in token.text.replace("\t", TAB).replace("\r", "").splitlines(keepends=True):
            stretch, ends = piece.rstrip("\n"), piece.endswith("\n")
            if column > 0 and column + len(stretch) > COLUMNS:
                row, column = row + 1, 0
            if row >= MAX_LINES:
                return
            # What ends a line is a token like any other, and needs a place to be seen at.
            visible = stretch or "⏎"
            yield Cell(row, column, visible, token)
            row, column = (row + 1, 0) if ends else (row, column + len(visible))


def _loop_panels(cells: list[Cell], loops: int, where: str) -> tuple[str, int]:
    largest = _largest(max(cell.token.shifts) for cell in cells)
    gained = _largest(abs(_gain(cell.token)) for cell in cells)
    hues = [(f"most by loop {r}", hue(r - 2)) for r in range(2, min(loops, NUM_HUES + 1) + 1)]
    if loops > NUM_HUES + 1:
        hues[-1] = (f"loop {NUM_HUES + 1} or later", hue(NUM_HUES - 1))

    def shift(token: ShownToken) -> Paint:
        peak = token.peak
        assert peak is not None, "with several loops every token has a peak"
        return Paint(hue(peak - 2), max(token.shifts) / largest)

    def gain(token: ShownToken) -> Paint:
        found = _gain(token)
        return Paint("var(--good)" if found > 0 else "var(--bad)", abs(found) / gained)

    later = "loop 2" if loops == 2 else f"loops 2 to {loops}"
    signs = [("better predicted", "var(--good)"), ("worse", "var(--bad)")]
    upper, end = _panel(
        0,
        f"How much {later} changed the prediction of each token",
        f"{where} The strongest colour is a KL of {three(largest)} nats or more from the loop before.",
        hues,
        cells,
        shift,
    )
    lower, end = _panel(
        end,
        f"What {later} gained on each token",
        f"The strongest colour is a loss that differs from loop 1's by {three(gained)} nats or more.",
        signs,
        cells,
        gain,
    )
    return upper + lower, end


def _dense_panels(cells: list[Cell], loops: int, where: str) -> tuple[str, int]:
    largest = _largest(cell.token.losses[0] for cell in cells)
    note = f"{where} The strongest colour is a loss of {three(largest)} nats or more."
    surprise = [("surprising", hue(0))]
    return _panel(
        0, "What each token cost", note, surprise, cells, lambda token: Paint(hue(0), token.losses[0] / largest)
    )


def _gain(token: ShownToken) -> float:
    """Nats by which the last exit predicts the true token better than the first."""
    return token.losses[0] - token.losses[-1]


def _panel(
    top: int,
    title: str,
    note: str,
    entries: list[tuple[str, str]],
    cells: list[Cell],
    paint: Callable[[ShownToken], Paint],
) -> tuple[str, int]:
    """The marks, and where the panel ends."""
    parts = [text(LEFT, top + 26, title, "head"), text(LEFT, top + 46, note, "soft")]
    parts += [legend(LEFT + 140 * i, top + 70, [entry]) for i, entry in enumerate(entries)]
    start = top + 88
    parts += [_cell(cell, start, paint(cell.token)) for cell in cells]
    return "".join(parts), start + LINE_HEIGHT * (cells[-1].row + 1) + 14


def _cell(cell: Cell, top: int, paint: Paint) -> str:
    x, y = LEFT + cell.column * CHAR_WIDTH, top + cell.row * LINE_HEIGHT
    width = len(cell.text) * CHAR_WIDTH
    opacity = WEAKEST + (STRONGEST - WEAKEST) * min(paint.strength, 1.0)
    words = "" if cell.text.isspace() else _words(cell, x, y, width)
    return (
        f'<g><rect x="{x:.1f}" y="{y}" width="{width - 0.6:.1f}" height="{LINE_HEIGHT - 2}" rx="2" '
        f'fill="{paint.colour}" fill-opacity="{opacity:.2f}"/>{words}<title>{escape(_told(cell.token))}</title></g>'
    )


def _words(cell: Cell, x: float, y: int, width: float) -> str:
    # The width is set, so that the text lies over its rectangles whatever font the reader has.
    stripped = cell.text.lstrip(" ")
    x += (len(cell.text) - len(stripped)) * CHAR_WIDTH
    stripped = stripped.rstrip(" ")
    return (
        f'<text x="{x:.1f}" y="{y + 13}" class="code{" soft" if stripped == "⏎" else ""}" '
        f'textLength="{len(stripped) * CHAR_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">{escape(stripped)}</text>'
    )


def _told(token: ShownToken) -> str:
    losses = ", ".join(three(loss) for loss in token.losses)
    told = f"{token.text!r}: loss {losses} nats"
    if token.shifts:
        told += f"; shift {', '.join(three(shift) for shift in token.shifts)}; peak at loop {token.peak}"
    return told


def _largest(values: Iterator[float]) -> float:
    ordered = sorted(values)
    return max(ordered[int(CLIPPED_SHARE * (len(ordered) - 1))], 1e-9)


def _in_words(tokens: Sequence[ShownToken]) -> str:
    strongest = sorted(tokens, key=lambda token: -max(token.shifts, default=token.losses[0]))[:5]
    return f"{len(tokens)} tokens; those that stand out: {', '.join(repr(token.text) for token in strongest)}."
