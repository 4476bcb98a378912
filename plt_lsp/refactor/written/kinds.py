"""The refactorings that a model writes: what each is called, and where it is offered.

Looking for them costs a look at the syntax tree and no model. It does not know how one is worked out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from plt_engine.types import EngineInfo, RefactorEvidence
from plt_lsp.explain.subject import refusal_of
from plt_lsp.refactor.proposal import Offer, RefusedError, Selection
from plt_lsp.refactor.written import docstrings, handlers, hints, rewriting, testing
from plt_lsp.refactor.written.job import Job
from plt_lsp.refactor.written.place import Place
from plt_lsp.refactor.written.rewriting import Problem
from plt_lsp.syntax.faults import faults
from plt_lsp.syntax.tree import SyntaxTree, encoded

ADD_DOCSTRING: Final = "addDocstring"
ADD_TYPE_HINTS: Final = "addTypeHints"
SIMPLIFY: Final = "simplify"
HANDLE_ERRORS: Final = "handleErrors"
WRITE_TEST: Final = "writeTest"
FIX_PROBLEM: Final = "fixProblem"
INSTRUCT: Final = "instruct"
MIN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """One of them: its name, its CodeActionKind (LSP 3.18), and what finds its job at a place."""

    name: str
    action: str
    find: Callable[[Place], Job | None]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(ADD_DOCSTRING, "refactor.rewrite.docstring", docstrings.job),
            Kind(ADD_TYPE_HINTS, "refactor.rewrite.typeHints", hints.job),
            Kind(SIMPLIFY, "refactor.rewrite.simplify", rewriting.simplify_job),
            Kind(HANDLE_ERRORS, "refactor.rewrite.handleErrors", handlers.job),
            Kind(WRITE_TEST, "refactor.rewrite.test", testing.job),
        )
    }
)
FIX_ACTION, INSTRUCT_ACTION = "quickfix", "refactor.rewrite.instruct"
NAMES = (*KINDS, FIX_PROBLEM, INSTRUCT)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model can be asked.

    Attributes:
        can_chat: whether it answers questions.
        can_infill: whether it sees the text behind the cursor.
        shares: the measured share of results that hold, by offer name; none where nothing was measured.
        evidence: the numbers behind the shares, where they are known.
    """

    can_chat: bool
    can_infill: bool
    shares: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, RefactorEvidence] = field(default_factory=dict)

    @classmethod
    def measured(cls, can_chat: bool, can_infill: bool, evidence: Mapping[str, RefactorEvidence]) -> "Abilities":
        """With the shares that follow from the evidence."""
        shares = {name: one.valid / one.num_cases for name, one in evidence.items()}
        return cls(can_chat, can_infill, shares, evidence)


def abilities_of(info: EngineInfo) -> Abilities:
    """What a loaded engine says of its model."""
    return Abilities.measured(info.can_chat, info.can_infill, info.refactor_evidence)


def offers(
    selection: Selection,
    problems: Sequence[Problem],
    abilities: Abilities,
    *,
    allow_unproven: bool = False,
    tree: SyntaxTree | None = None,
) -> tuple[Offer, ...]:
    """What a model could write at a selection, instantly; what it cannot there says why.

    Args:
        selection: of a document.
        problems: diagnostics at the selection; the first one is what could be fixed.
        abilities: of the model.
        allow_unproven: whether a kind is offered though fewer than half of its results held when it was measured.
        tree: of the document, where it is at hand.
    """
    place = place_of(selection, tree)
    if place is None:
        return ()
    actions = {name: kind.action for name, kind in KINDS.items()}
    if problems:
        actions[FIX_PROBLEM] = FIX_ACTION
    actions[INSTRUCT] = INSTRUCT_ACTION
    problem = problems[0] if problems else None
    found = (_offer(place, name, action, problem) for name, action in actions.items())
    return tuple(_judged(one, job, abilities, allow_unproven) for one, job in filter(None, found))


def place_of(selection: Selection, tree: SyntaxTree | None = None) -> Place | None:
    """Where a selection is, or None in files that are not shown to a model or have no syntax tree."""
    if refusal_of(selection.snapshot) is not None:
        return None
    found = tree or SyntaxTree.parse(selection.snapshot.language_id, selection.snapshot.lines)
    return Place(selection, found) if isinstance(found, SyntaxTree) else None


def job_of(place: Place, name: str, instruction: str = "", problem: Problem | None = None) -> Job | None:
    """The job of an offer's name at a place, or None where there is nothing for it.

    Raises:
        RefusedError: it cannot be done there.
    """
    if name == INSTRUCT:
        return rewriting.instruct_job(place, instruction)
    if name == FIX_PROBLEM:
        return None if problem is None else rewriting.fix_job(place, problem)
    job = KINDS[name].find(place)
    if job is not None and place.language_id == "python" and place.tree.root.has_error:
        raise RefusedError(f"The file has a syntax error in line {_row_of_error(place)}; mend it first.")
    return job


def _row_of_error(place: Place) -> int:
    """The first line with a syntax error, from 1."""
    start = faults(place.tree)[0].start
    return encoded(place.lines)[:start].count(b"\n") + 1


def inability(job: Job, can_chat: bool, can_infill: bool) -> str | None:
    """Why a model cannot be asked for a job, as a sentence, or None where it can."""
    if can_chat or (can_infill and not job.needs_chat):
        return None
    return "The model answers no questions." if job.needs_chat else "The model can neither fill in text nor answer."


_TITLES = {
    ADD_DOCSTRING: "Write a docstring",
    ADD_TYPE_HINTS: "Add type hints",
    SIMPLIFY: "Simplify",
    HANDLE_ERRORS: "Handle errors",
    WRITE_TEST: "Write a test",
    FIX_PROBLEM: "Fix the problem",
    INSTRUCT: "Rewrite as you say",
}


def _offer(place: Place, name: str, action: str, problem: Problem | None) -> tuple[Offer, Job | None] | None:
    try:
        job = job_of(place, name, problem=problem)
    except RefusedError as error:
        return Offer(name, _TITLES[name], action, is_written=True, disabled=str(error)), None
    return None if job is None else (Offer(name, job.title, action, is_written=True), job)


def _judged(offer: Offer, job: Job | None, abilities: Abilities, allow_unproven: bool) -> Offer:
    if job is None:
        return offer
    reason = inability(job, abilities.can_chat, abilities.can_infill)
    share = abilities.shares.get(offer.name)
    if reason is None and share is not None and share < MIN_SHARE and not allow_unproven:
        reason = f"Off for this model: {_figure(share, abilities.evidence.get(offer.name))} were valid."
    return offer if reason is None else replace(offer, disabled=reason)


def _figure(share: float, evidence: RefactorEvidence | None) -> str:
    if evidence is None:
        return f"{share:.0%} of its results"
    return f"{evidence.valid} of {evidence.num_cases} results"
