"""The report as one page: the verdict, the pictures and the table, in one file that needs no network and no script.

It arranges what is known and computes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from plt_engine.diagnostics.diagnosis import Diagnosis
from plt_engine.diagnostics.pictures import in_words
from plt_engine.diagnostics.summary import METHOD, Figure
from plt_engine.diagnostics.svg import STYLE, Picture
from plt_engine.diagnostics.verdict import Sureness, headline

PAGE_STYLE = """
:root { color-scheme: light dark; --paper:#ffffff; --ink:#1c2128; --soft:#59636e; --line:#d1d9e0; --card:#f6f8fa;
  --mark:#0969da }
@media (prefers-color-scheme: dark) { :root { --paper:#0d1117; --ink:#e6edf3; --soft:#9198a1; --line:#30363d;
  --card:#151b23; --mark:#58a6ff } }
body { box-sizing:border-box; margin:0 auto; max-width:802px; padding:32px 20px 64px;
  background:var(--paper); color:var(--ink);
  font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
h1 { font-size:26px; line-height:1.25; margin:0 0 4px } h2 { font-size:18px; margin:40px 0 8px }
p { margin:8px 0 } .soft, dt, caption { color:var(--soft) }
.card { background:var(--card); border:1px solid var(--line); border-left:4px solid var(--mark); border-radius:8px;
  padding:14px 20px; margin:20px 0 } .card strong { font-size:17px } .card ul { margin:8px 0 0; padding-left:20px }
.doubt { border-left-color:#bc4c00 }
dl { display:grid; grid-template-columns:max-content 1fr; gap:2px 20px; margin:16px 0 } dd { margin:0 }
svg { max-width:100%; height:auto; display:block; margin:12px 0; border:1px solid var(--line); border-radius:8px }
.wide { overflow-x:auto } table { border-collapse:collapse; font-size:14px; width:100% }
th, td { padding:6px 12px 6px 0; border-bottom:1px solid var(--line); text-align:right; white-space:nowrap;
  vertical-align:top; font-variant-numeric:tabular-nums }
th:first-child, td:first-child { text-align:left; white-space:normal; min-width:180px }
td small, th small { display:block; color:var(--soft); font-weight:400; font-size:12px }
caption { text-align:left; padding-bottom:8px; font-size:14px }
""".strip()
SECTIONS = {
    "scissors": (
        "Does the loop still change enough to be worth its offset?",
        "A later loop reads the state of the token before in place of the token's own; the offset cost is how far the "
        "two lie apart. Where it stays the same from loop to loop while the gain falls, the cost outweighs it.",
    ),
    "effective_rank": (
        "Do the states spread over more directions?",
        "The rule: while it rises with another loop, that loop may pay; where it falls, stop. Below the axis, between "
        "two loops, stands the change from one to the next on the same samples.",
    ),
    "gates": (
        "Where does a later loop look?",
        "The shaded band is the interval. A gate far above one half means that the loop reads the shared keys.",
    ),
    "tokens": (
        "Which tokens does a later loop change?",
        "Hover over a token for its numbers. The strongest colour stands for the most changed 5 % of the tokens.",
    ),
}
"""A heading and a word on how to read it, by the picture's name."""
ONE_LOOP = {
    "tokens": (
        "Which tokens surprise the model?",
        "Hover over a token for its loss. The strongest colour stands for the 5 % of the tokens that cost most.",
    )
}
"""The same for a model at one loop."""


def page(diagnosis: Diagnosis, drawn: Sequence[Picture]) -> str:
    """The whole document."""
    has_one = diagnosis.about.loops == 1
    title = f"{diagnosis.about.title}: {'what one loop shows' if has_one else 'what each loop changes'}"
    sections = (_section(picture, ONE_LOOP if has_one else SECTIONS) for picture in drawn)
    parts = [_head(diagnosis, title), *sections, _table(diagnosis), _method(diagnosis)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{PAGE_STYLE}\n{STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _head(diagnosis: Diagnosis, title: str) -> str:
    verdict = diagnosis.verdict
    doubt = " doubt" if verdict.sureness in (Sureness.OPEN, Sureness.CONTRADICTED) else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in (*verdict.reasons, *diagnosis.about.notes))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(diagnosis))
    return (
        f'<h1>{escape(title)}</h1><div class="card{doubt}"><strong>{escape(headline(verdict))}</strong>'
        f"<ul>{reasons}</ul></div><dl>{facts}</dl>"
    )


def _facts(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    about = diagnosis.about
    yield "Model", f"{about.name}, {about.num_layers} layers, computed in {about.dtype}"
    looked_at = "1" if about.loops == 1 else f"1 to {about.loops}"
    yield "Loops", f"{looked_at} looked at; evidence for {', '.join(map(str, about.certified))}"
    yield "Text", f"{about.text}: {about.num_samples} samples of {about.num_tokens} tokens, seed {about.seed}"
    yield "Intervals", METHOD


def _section(picture: Picture, words: Mapping[str, tuple[str, str]]) -> str:
    caption, reading = words[picture.name]
    return f'<h2>{escape(caption)}</h2><p class="soft">{escape(reading)}</p>{picture.inline()}'


def _table(diagnosis: Diagnosis) -> str:
    loops = range(1, diagnosis.about.loops + 1)
    head = "".join(f"<th>loop {r}</th>" for r in loops)
    rows = "".join(_row(figure, loops) for figure in diagnosis.figures)
    caption = "Mean and interval at each loop; figures with layers are means over them, and the JSON has each."
    return (
        f'<h2>All figures</h2><div class="wide"><table><caption>{caption}</caption>'
        f"<thead><tr><th>figure</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(figure: Figure, loops: range) -> str:
    kind = figure.kind
    cells = []
    for r in loops:
        value = figure.at(r)
        mean, _, interval = ("–", "", "") if value is None else in_words(value.value).partition(" ")
        cells.append(f"<td>{mean}<small>{interval}</small></td>")
    first = f"<td>{escape(kind.title)}, {escape(kind.unit)}<small>{escape(kind.reading)}</small></td>"
    return f"<tr>{first}{''.join(cells)}</tr>"


def _method(diagnosis: Diagnosis) -> str:
    undefined = "" if diagnosis.about.loops > 1 else " Figures that compare two loops do not exist here."
    return (
        '<h2>How it was measured</h2><p class="soft">The model read each sample once, all loops and one more, behind '
        "the token that begins a text. That first position is left out of every mean: it draws attention and grows a "
        "state far larger than any other. States are the residual stream at the end of a loop, before the final norm; "
        "before loop 1 they are the embedding. Effective rank is that of one sample's states, so it depends on the "
        "samples' length: compare only equal ones. KL and entropy are in nats. Attention of a later loop is its two "
        "parts mixed by the gate. Definitions follow the LoopCoder-v2 paper (arXiv:2606.18023), section 3.2. "
        f"A loop count is certified by training or calibration, never by this report.{undefined}</p>"
    )
