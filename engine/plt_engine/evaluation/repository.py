"""Cases with two prompts each, one of the file alone and one with other files of its repository, and their scores.

It reads cases that are drawn already, and does not know how lines and chunks were chosen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cattrs
import orjson

from plt_engine.engine import Engine
from plt_engine.errors import RequestError
from plt_engine.evaluation.measure import Advance, complete_line
from plt_engine.evaluation.metrics import edit_similarity, kept_share
from plt_engine.evaluation.report import ALL, Arm, Column, Figure, figures
from plt_engine.types import GenerationOutput, RepositoryCase


@dataclass(frozen=True, slots=True)
class RepositoryCases:
    """All cases, and how they were drawn."""

    settings: dict[str, Any]
    cases: tuple[RepositoryCase, ...]


@dataclass(frozen=True, slots=True)
class LineScore:
    """What was generated at a case, and how long the prompt was."""

    case: RepositoryCase
    found: str
    num_prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One pack at one loop count over all cases: of the file alone, and with other files."""

    name: str
    alone: Sequence[LineScore]
    with_others: Sequence[LineScore]

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """The raw numbers of both."""
        return _arm(f"{self.name}, file alone", self.alone), _arm(f"{self.name}, with other files", self.with_others)


def read_cases(path: Path) -> RepositoryCases:
    """The cases in a file; raises RequestError where it holds none."""
    try:
        found = cattrs.structure(orjson.loads(path.read_bytes()), RepositoryCases)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error}.") from None
    except Exception as error:  # cattrs groups its errors under several types
        raise RequestError(
            f"{path} holds no cases ({error!r}); draw them with `plt-lsp eval PACK --repository DIR`."
        ) from None
    if not found.cases:
        raise RequestError(f"{path} holds no case: no line of the packages uses what another of their files defines.")
    return found


def complete_cases(engine: Engine, name: str, cases: Sequence[RepositoryCase], loops: int, advance: Advance) -> Pair:
    """Generate every case's line twice; only once where no other file is shown."""
    alone, others = [], []
    for i, case in enumerate(cases):
        first = _score(case, complete_line(engine, case.alone, loops, f"alone-{i}"))
        is_same = case.with_others == case.alone
        alone.append(first)
        others.append(first if is_same else _score(case, complete_line(engine, case.with_others, loops, f"others-{i}")))
        advance()
    return Pair(name, tuple(alone), tuple(others))


def _score(case: RepositoryCase, output: GenerationOutput) -> LineScore:
    return LineScore(case, output.text.rstrip(), output.metrics.num_prompt_tokens)


FIGURES: Mapping[str, Callable[[LineScore], float]] = {
    "line exact match": lambda score: float(score.found == score.case.expected),
    "line edit similarity": lambda score: edit_similarity(score.found, score.case.expected),
    "line characters kept": lambda score: kept_share(score.found, score.case.expected),
    "name written": lambda score: float(score.case.name in score.found),
    "prompt tokens": lambda score: float(score.num_prompt_tokens),
}


def _arm(name: str, scores: Sequence[LineScore]) -> Arm:
    groups = [(ALL, *score.case.groups) for score in scores]
    ones = [1.0] * len(scores)
    return Arm(
        name, tuple(Column(title, [value(score) for score in scores], ones, groups) for title, value in FIGURES.items())
    )


def pair_figures(pairs: Sequence[Pair], seed: int) -> list[Figure]:
    """All figures; the difference of each arm with other files is from the same pack's and loop count's without."""
    return [figure for pair in pairs for figure in figures(pair.arms, seed)]


def to_json(settings: Mapping[str, Any], found: Sequence[Figure], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Plain data: settings with seeds, figures, raw numbers, and both completions beside what was wanted."""
    return {
        "settings": dict(settings),
        "figures": [asdict(figure) for figure in found],
        "arms": [asdict(arm) for pair in pairs for arm in pair.arms],
        "samples": {pair.name: list(_samples(pair)) for pair in pairs},
    }


def _samples(pair: Pair) -> Iterator[dict[str, Any]]:
    for alone, others in zip(pair.alone, pair.with_others, strict=True):
        case = alone.case
        yield {
            "package": case.package,
            "path": case.path,
            "row": case.row,
            "name": case.name,
            "groups": case.groups,
            "wanted": case.expected,
            "found_alone": alone.found,
            "found_with_others": others.found,
            "chunks": [chunk.path for chunk in case.with_others.chunks],
        }
