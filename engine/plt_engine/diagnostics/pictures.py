"""The pictures of a diagnosis: gain and cost of each loop, effective rank, and gates by layer, each with its intervals.

A picture that the model gives no figures for is left out; the page around them is not known here.
"""

from collections.abc import Sequence

from plt_engine.diagnostics.diagnosis import Diagnosis
from plt_engine.diagnostics.figures import EFFECTIVE_RANK, GATE, OFFSET_COST, OUTPUT_SHIFT, STEP_SIZE
from plt_engine.diagnostics.summary import Figure, LoopValue
from plt_engine.diagnostics.svg import (
    Frame,
    Picture,
    axes,
    band,
    curve,
    dot,
    error_bar,
    hue,
    legend,
    line,
    ring,
    text,
    three,
)
from plt_engine.diagnostics.token_picture import token_picture
from plt_engine.diagnostics.verdict import signed
from plt_engine.evaluation.metrics import Interval

WIDTH = 760


def pictures(diagnosis: Diagnosis) -> list[Picture]:
    """Those that the model gives figures for, in the order of reading."""
    drawn = [scissors(diagnosis), effective_rank(diagnosis), gates(diagnosis), token_picture(diagnosis)]
    return [picture for picture in drawn if picture is not None]


def scissors(diagnosis: Diagnosis) -> Picture | None:
    """Gain and cost of every extra loop: as the paper compares them, and in one unit."""
    shift, step, cost = (diagnosis.figure(name) for name in (OUTPUT_SHIFT, STEP_SIZE, OFFSET_COST))
    if shift is None or step is None or cost is None:
        return None
    values = [value.value for figure in (shift, cost) for value in figure.loops]
    # The offset cost is nothing at all where the loops run in turn: there is no place for it on a logarithmic scale.
    is_log = all(interval.low > 0 for interval in values)
    left = _scissors_panel(0, "As the paper compares them", (shift, cost), is_log)
    right = _scissors_panel(WIDTH / 2, "In one unit", (step, cost), False)
    ratios = _ratio_words(shift, cost)
    description = f"{ratios} {_in_words(shift)} {_in_words(step)} {_in_words(cost)}"
    body = left + right + text(16, 396, ratios, "soft")
    return Picture("scissors", "Gain and cost of each loop", description, WIDTH, 412, body)


def _scissors_panel(left: float, title: str, series: tuple[Figure, Figure], is_log: bool) -> str:
    """One panel; the first series is the gain."""
    rows = [[value for value in figure.loops if value.loop > 1] for figure in series]
    loops = [value.loop for value in rows[0]]
    low, high = _range([value.value for row in rows for value in row], is_log, from_zero=True)
    frame = Frame(left + 68, 96, WIDTH / 2 - 92, 232, min(loops) - 0.5, max(loops) + 0.5, low, high, is_log)
    entries = [(f"{figure.kind.title}, {figure.kind.unit}", hue(i)) for i, figure in enumerate(series)]
    parts = [text(left + 16, 26, f"{title}{', log scale' if is_log else ''}", "head"), legend(left + 16, 50, entries)]
    parts.append(axes(frame, loops, "loop"))
    # The two stand a little apart, so that neither hides the other's interval; the words are on the outer side.
    gains_above = rows[0][0].value.mean > rows[1][0].value.mean
    parts += [_series(frame, rows[0], hue(0), -7, gains_above), _series(frame, rows[1], hue(1), 7, not gains_above)]
    return "".join(parts)


def _series(frame: Frame, values: Sequence[LoopValue], colour: str, aside: float, words_above: bool) -> str:
    points = [(frame.x(value.loop) + aside, frame.y(value.value.mean)) for value in values]
    parts = [curve(points, colour)] if len(points) > 1 else []
    for (x, y), value in zip(points, values, strict=True):
        low, high = frame.y(value.value.low), frame.y(value.value.high)
        words_y = min(high, y - 5) - 7 if words_above else max(low, y + 5) + 16
        parts.append(error_bar(x, low, high, colour))
        parts.append(dot(x, y, colour, f"loop {value.loop}: {in_words(value.value)}"))
        parts.append(text(x, words_y, three(value.value.mean), "halo", "middle"))
    return "".join(parts)


def _ratio_words(gain: Figure, cost: Figure) -> str:
    pairs = [(g.loop, c.value.mean / g.value.mean) for g, c in zip(gain.loops, cost.loops, strict=True) if g.value.mean]
    # A line of the picture has room for four.
    pairs = pairs if len(pairs) <= 4 else [*pairs[:3], pairs[-1]]
    ratios = ", ".join(f"{three(ratio)} at loop {loop}" for loop, ratio in pairs)
    return f"Offset cost over output shift: {ratios}." if ratios else "No loop changes the output."


def effective_rank(diagnosis: Diagnosis) -> Picture | None:
    """The effective rank after every loop, with the count that the rule speaks for singled out."""
    figure = diagnosis.figure(EFFECTIVE_RANK)
    if figure is None or len(figure.loops) < 2:
        return None
    low, high = _range([value.value for value in figure.loops], False)
    loops = [value.loop for value in figure.loops]
    frame = Frame(80, 72, WIDTH - 130, 236, loops[0] - 0.4, loops[-1] + 0.4, low, high)
    chosen = figure.at(diagnosis.verdict.loops or 0)
    parts = [text(16, 26, "Effective rank of the states after each loop", "head")]
    parts.append(text(16, 48, "Rising: another loop may pay; falling: stop. The ring is the rule's count.", "soft"))
    parts += [axes(frame, loops, "loop"), _series(frame, figure.loops, hue(0), 0, True)]
    if chosen is not None:
        parts.append(ring(frame.x(chosen.loop), frame.y(chosen.value.mean)))
    for before, change in zip(figure.loops, figure.changes, strict=False):
        middle = (frame.x(before.loop) + frame.x(change.loop)) / 2
        words = signed(change.value, 2) if len(loops) <= 4 else f"{change.value.mean:+.2f}"
        parts.append(text(middle, frame.bottom + 18, words, "soft", "middle"))
    return Picture("effective_rank", "Effective rank", _in_words(figure), WIDTH, 360, "".join(parts))


def gates(diagnosis: Diagnosis) -> Picture | None:
    """The mean gate of every layer at every loop that has one."""
    figure = diagnosis.figure(GATE)
    if figure is None:
        return None
    num_layers = len(figure.loops[0].layers)
    columns = 3
    top = 68 + 18 * ((len(figure.loops) + columns - 1) // columns)
    frame = Frame(64, top, WIDTH - 96, 236, 0.5, num_layers + 0.5, 0, 1)
    parts = [text(16, 26, "Mean gate by layer: 1 looks at loop 1's shared keys, 0 at the loop's own window", "head")]
    parts.append(axes(frame, _layer_ticks(num_layers), "layer"))
    parts.append(line(frame.left, frame.y(0.5), frame.right, frame.y(0.5), "half"))
    for i, value in enumerate(figure.loops):
        words = f"loop {value.loop}, mean {three(value.value.mean)}"
        parts.append(legend(16 + 230 * (i % columns), 52 + 18 * (i // columns), [(words, hue(i))]))
        # Each is thinner than the one before, which so stays to be seen where they are alike.
        parts.append(_layer_curve(frame, value, hue(i), max(1.0, 2.8 - 0.7 * i)))
    return Picture("gates", "Gates by layer", _in_words(figure), WIDTH, int(frame.bottom) + 52, "".join(parts))


def _layer_curve(frame: Frame, value: LoopValue, colour: str, width: float) -> str:
    places = [frame.x(i + 1) for i in range(len(value.layers))]
    upper, lower, means = (
        [(x, frame.y(getattr(layer, end))) for x, layer in zip(places, value.layers, strict=True)]
        for end in ("high", "low", "mean")
    )
    dots = [dot(x, y, colour, f"loop {value.loop}, layer {i + 1}: {in_words(value.layers[i])}", 2 * width)
            for i, (x, y) in enumerate(means)]  # fmt: skip
    return band(upper, lower, colour) + curve(means, colour, width) + "".join(dots)


def _layer_ticks(num_layers: int) -> list[int]:
    step = max(1, -(-num_layers // 16))
    return list(range(1, num_layers + 1, step))


def _range(intervals: Sequence[Interval], is_log: bool, from_zero: bool = False) -> tuple[float, float]:
    """From below the lowest end to above the highest, with air for words; `from_zero` takes 0 in on a linear scale."""
    low, high = min(interval.low for interval in intervals), max(interval.high for interval in intervals)
    if is_log:
        air = max((high / low) ** 0.12, 1.6)
        return low / air, high * air
    low = min(low, 0.0) if from_zero else low
    air = max(0.15 * (high - low), 0.02 * abs(high), 1e-9)
    return low - air, high + air


def in_words(interval: Interval) -> str:
    """A mean and its interval."""
    return f"{three(interval.mean)} [{three(interval.low)}, {three(interval.high)}]"


def _in_words(figure: Figure) -> str:
    values = ", ".join(f"{in_words(value.value)} at loop {value.loop}" for value in figure.loops)
    return f"{figure.kind.title} ({figure.kind.unit}): {values}."
