"""Small functions that draw: marks, axes and legends as SVG text, for light and dark, without any script.

They know numbers, places and words; what is drawn is not their business.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

NUM_HUES = 5
NAMESPACE = "http://www.w3.org/2000/svg"
STYLE = """
.plt { --paper:#ffffff; --ink:#1c2128; --soft:#59636e; --line:#d1d9e0;
  --c0:#0969da; --c1:#bc4c00; --c2:#1a7f37; --c3:#8250df; --c4:#bf3989; --good:#0969da; --bad:#bc4c00;
  background:var(--paper); font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
@media (prefers-color-scheme: dark) { .plt { --paper:#0d1117; --ink:#e6edf3; --soft:#9198a1; --line:#30363d;
  --c0:#58a6ff; --c1:#f0883e; --c2:#3fb950; --c3:#bc8cff; --c4:#f778ba; --good:#58a6ff; --bad:#f0883e } }
.plt text { fill:var(--ink) } .plt .soft { fill:var(--soft) } .plt .head { font-weight:600; font-size:14px }
.plt .halo { paint-order:stroke; stroke:var(--paper); stroke-width:4px; stroke-linejoin:round }
.plt .code { font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace; white-space:pre }
.plt .grid { stroke:var(--line); stroke-width:1 } .plt .axis { stroke:var(--soft); stroke-width:1 }
.plt .half { stroke:var(--soft); stroke-width:1; stroke-dasharray:4 4 }
.plt .curve { fill:none; stroke-linejoin:round } .plt .bar { fill:none; stroke-width:1.5 }
.plt .band { stroke:none; opacity:.18 } .plt .dot { stroke:var(--paper); stroke-width:1.5 }
.plt .ring { fill:none; stroke:var(--ink); stroke-width:1.5 }
""".strip()


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing: its name, what it shows for those who do not see it, its size in pixels, and its marks."""

    name: str
    title: str
    description: str
    width: int
    height: int
    body: str

    def inline(self) -> str:
        """The element for a page that has STYLE."""
        return self._element("", "")

    def document(self) -> str:
        """A file of its own."""
        paper = f'<rect width="{self.width}" height="{self.height}" fill="var(--paper)"/>'
        opening = '<?xml version="1.0" encoding="UTF-8"?>\n'
        element = self._element(f' xmlns="{NAMESPACE}"', f"<style>{STYLE}</style>{paper}")
        return f"{opening}{element}\n"

    def _element(self, attributes: str, opening: str) -> str:
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        head = f"<title>{escape(self.title)}</title><desc>{escape(self.description)}</desc>"
        return f'<svg class="plt"{attributes} role="img" {size}>{head}{opening}{self.body}</svg>'


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle to draw in, and where a value lies in it: across from x_low to x_high, up from y_low to y_high."""

    left: float
    top: float
    width: float
    height: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    is_log: bool = False

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    def x(self, value: float) -> float:
        """The place of a value across."""
        span = self.x_high - self.x_low
        return self.left + self.width * (0.5 if span == 0 else (value - self.x_low) / span)

    def y(self, value: float) -> float:
        """The place of a value upwards."""
        scale: Callable[[float], float] = math.log10 if self.is_log else float
        low, high = scale(self.y_low), scale(self.y_high)
        return self.bottom - self.height * (scale(value) - low) / (high - low)


def text(x: float, y: float, words: str, classes: str = "", anchor: str = "start") -> str:
    """Words at a place; anchor is start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{classes}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, classes: str, colour: str | None = None) -> str:
    """A straight line."""
    stroke = "" if colour is None else f' stroke="{colour}"'
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"{stroke}/>'


def curve(points: Iterable[tuple[float, float]], colour: str, width: float = 2.0) -> str:
    """A line through points."""
    return f'<polyline class="curve" stroke="{colour}" stroke-width="{width}" points="{_points(points)}"/>'


def band(upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]], colour: str) -> str:
    """The area between two lines of the same length."""
    return f'<polygon class="band" fill="{colour}" points="{_points([*upper, *reversed(lower)])}"/>'


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def dot(x: float, y: float, colour: str, told: str, radius: float = 4.5) -> str:
    """A point; `told` is what hovering over it tells."""
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius}"'
    return f'<circle class="dot" {place} fill="{colour}"><title>{escape(told)}</title></circle>'


def ring(x: float, y: float) -> str:
    """A circle around a point, to single it out."""
    return f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'


def error_bar(x: float, low: float, high: float, colour: str) -> str:
    """An interval from one height to another, with caps."""
    path = f"M{x - 4:.1f},{low:.1f}h8M{x:.1f},{low:.1f}V{high:.1f}M{x - 4:.1f},{high:.1f}h8"
    return f'<path class="bar" stroke="{colour}" d="{path}"/>'


def hue(i: int) -> str:
    """The colour of the i-th series, from 0; those beyond the colours share the last."""
    return f"var(--c{min(i, NUM_HUES - 1)})"


def legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> str:
    """Words, each behind its colour, one below the other."""
    rows = []
    for i, (words, colour) in enumerate(entries):
        top = y + 18 * i
        rows.append(f'<rect x="{x:.1f}" y="{top - 9:.1f}" width="12" height="10" rx="2" fill="{colour}"/>')
        rows.append(text(x + 18, top, words))
    return "".join(rows)


def axes(frame: Frame, x_ticks: Sequence[int], x_title: str) -> str:
    """Grid lines with their values upwards, and values with a title across."""
    parts = []
    for tick in log_ticks(frame.y_low, frame.y_high) if frame.is_log else nice_ticks(frame.y_low, frame.y_high):
        y = frame.y(tick)
        parts.append(line(frame.left, y, frame.right, y, "grid"))
        parts.append(text(frame.left - 8, y + 4, plain(tick), "soft", "end"))
    parts.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    parts += [text(frame.x(tick), frame.bottom + 18, str(tick), "soft", "middle") for tick in x_ticks]
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 38, x_title, "soft", "middle"))
    return "".join(parts)


def nice_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round values inside a range, about as many as are wanted."""
    step = _nice_step((high - low) / wanted)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten inside a range; only the powers where there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1.0,) if len(powers) > 5 else (1.0, 2.0, 5.0)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


def three(value: float) -> str:
    """A number with three significant digits, with an exponent only where it would be long without."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def plain(value: float) -> str:
    """The same without zeros at the end, for values that are round."""
    written = three(value)
    return written.rstrip("0").rstrip(".") if "." in written and "e" not in written else written
