"""What the model is shown of other files: the pieces of a workspace that make the next tokens at a cursor likelier.

`select_chunks` is a pure function of a snapshot, an outline, a view of the workspace and the choice before; it knows
neither when it is asked nor how long its answers take.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from plt_engine.types import FileChunk
from plt_lsp.context.candidates import Candidate, overlap, words_of
from plt_lsp.context.choice import MIN_SCORE, STICKINESS, Choice, choose, texts_of
from plt_lsp.context.definitions import definition_candidates
from plt_lsp.context.import_rules.files import Files, folder_of
from plt_lsp.context.imports import RULES, Origin, origins
from plt_lsp.context.pairs import source_of, test_of
from plt_lsp.context.recent_edits import edit_candidates
from plt_lsp.context.report import Part, Source
from plt_lsp.context.secrets import is_secret_file, redacted
from plt_lsp.context.similar import LikelyFile, similar_candidates
from plt_lsp.context.used_names import UsedNames, place_of, used_names
from plt_lsp.context.workspace import WorkspaceView
from plt_lsp.exclusions import is_excluded
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import DefinitionKind, Outline, Rows

# The rows around the cursor that other pieces are compared with.
WINDOW_ABOVE, WINDOW_BELOW = 14, 6
# Edits in the cursor's own file that are nearer than this stand in the prompt anyway, as a rule.
OWN_ROWS = 60
MAX_OPEN_FILES = 8
MAX_NEIGHBOURS = 4
MAX_NEIGHBOURS_LOOKED_AT = 40
OF_OPEN, OF_NEIGHBOUR, OF_PAIR = 1.0, 0.85, 1.0
# A test's source is of use as a whole; what the test uses of it, more so.
PAIRED = 0.4
MAX_TEXTS_KEPT = 512


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown of other files.

    Attributes:
        chunks: in order, the most stable first; without secrets.
        parts: what the report says of each of them.
        repo_name: what the workspace folder is called.
        choice: of what they are made, for the next selection to go by.
    """

    chunks: tuple[FileChunk, ...] = ()
    parts: tuple[Part, ...] = ()
    repo_name: str | None = None
    choice: Choice = field(default_factory=Choice)


def select_chunks(
    snapshot: Snapshot, outline: Outline | None, view: WorkspaceView, before: Selection | None = None
) -> Selection:
    """The pieces of other files for a snapshot, within its settings' budget.

    Args:
        snapshot: that the prompt is for; its path is the file's in the workspace.
        outline: of the whole file, or None where there is none: its imports are not followed then.
        view: the workspace.
        before: what was selected for this document last, which stays where nothing is clearly better.
    """
    max_chars = snapshot.settings.context.max_chunk_chars
    if max_chars <= 0 or snapshot.path is None:
        return Selection(repo_name=view.repo_name)
    request = _Request(snapshot, outline or Outline(snapshot.language_id), view)
    found = map(_without_secrets, filter(request.may_show_it, request.candidates()))
    place = place_of(snapshot.lines, snapshot.cursor, request.outline)
    choice = choose(found, request.window, max_chars, place, Choice() if before is None else before.choice)
    chunks = tuple(FileChunk(path, text) for path, text in texts_of(choice.groups))
    parts = tuple(map(_part, choice.groups, chunks))
    return Selection(chunks, parts, view.repo_name, choice)


def _without_secrets(one: Candidate) -> Candidate:
    return replace(one, text=_shown(one.text))


@lru_cache(maxsize=MAX_TEXTS_KEPT)
def _shown(text: str) -> str:
    return redacted(text)


def _part(group: Sequence[Candidate], chunk: FileChunk) -> Part:
    reasons = "; ".join(dict.fromkeys(one.why for one in sorted(group, key=lambda one: -one.score)))
    return Part(group[0].source, chunk.path, len(chunk.text), max(one.score for one in group), reasons)


class _Request:
    """One snapshot with what is asked about it."""

    def __init__(self, snapshot: Snapshot, outline: Outline, view: WorkspaceView) -> None:
        self.snapshot = snapshot
        self.outline = outline
        self.view = view
        self.path = snapshot.path or ""
        self.files = None if view.index is None else Files(view.index, self._text_of)
        self.window = words_of("".join(_around(snapshot)))
        self._may_show: dict[str, bool] = {}

    def may_show(self, path: str) -> bool:
        """Whether a file may be shown at all."""
        if path not in self._may_show:
            is_out = is_excluded(path, self.snapshot.settings.excluded_files) or is_secret_file(path)
            self._may_show[path] = not is_out
        return self._may_show[path]

    def may_show_it(self, one: Candidate) -> bool:
        """Whether a candidate is good enough ever to be chosen, and of a file that may be shown."""
        return one.score * STICKINESS >= MIN_SCORE and self.may_show(one.path)

    def candidates(self) -> Iterator[Candidate]:
        """Everything that may be shown, in no order."""
        used = used_names(self.snapshot.lines, self.snapshot.cursor, self.outline)
        if self.files is not None:
            found = [*origins(self.files, self.path, self.outline, used), *self._of_source(self.files, used)]
            members = frozenset(name for names in used.members.values() for name in names)
            yield from definition_candidates(self.files, found, members)
        yield from similar_candidates(self.window, self._likely_files())
        line = self.snapshot.cursor.line
        yield from edit_candidates(self.view.edits, self.path, Rows(line - OWN_ROWS, line + OWN_ROWS))

    def _of_source(self, files: Files, used: UsedNames) -> Iterator[Origin]:
        """What the file that a test is about defines."""
        path = source_of(files, self.path, self.snapshot.language_id)
        outline = files.outline(path) if path is not None else None
        if path is None or outline is None:
            return
        for i in outline.children(None):
            name, kind = outline.definitions[i].name, outline.definitions[i].kind
            if kind is not DefinitionKind.VARIABLE and not name.startswith("_"):
                yield Origin(path, outline, i, max(PAIRED, used.weights.get(name, 0.0)), f"{self.path} tests it")

    def _likely_files(self) -> list[LikelyFile]:
        """The files that pieces are taken from: the test of this one, those that are open, and neighbours."""
        found: dict[str, LikelyFile] = {}
        test = test_of(self.files, self.path, self.snapshot.language_id) if self.files is not None else None
        if test is not None:
            self._add(found, test, OF_PAIR, "it tests this file", Source.PAIR)
        for one in [one for one in self.view.open_files if self._is_alike(one.language_id)][:MAX_OPEN_FILES]:
            self._add(found, one.path, OF_OPEN, "it is open")
        for path in self._neighbours():
            self._add(found, path, OF_NEIGHBOUR, "it stands in the same folder")
        return list(found.values())

    def _is_alike(self, language_id: str) -> bool:
        """Whether pieces of a language may help: it is the cursor's, or one of the same family."""
        own = self.snapshot.language_id
        return language_id == own or (own in RULES and RULES[own] is RULES.get(language_id))

    def _add(
        self, found: dict[str, LikelyFile], path: str, weight: float, why: str, source: Source = Source.SIMILAR
    ) -> None:
        if path != self.path and path not in found and self.may_show(path):
            lines = self._text_of(path)
            if lines is not None:
                found[path] = LikelyFile(path, tuple(lines), weight, why, source)

    def _neighbours(self) -> list[str]:
        """The files of the same folder and kind that have the most identifiers in common with the window."""
        index = self.view.index
        if index is None:
            return []
        suffix = self.path.rpartition(".")[2]
        files = [file.path for file in index.files_in(folder_of(self.path)) if file.path.endswith(suffix)]
        others = sorted(path for path in files if path != self.path)[:MAX_NEIGHBOURS_LOOKED_AT]
        shares = {path: overlap(self.window, index.identifiers_of(path)) for path in others}
        return sorted((path for path in others if shares[path] > 0.0), key=lambda path: (-shares[path], path))[
            :MAX_NEIGHBOURS
        ]

    def _text_of(self, path: str) -> Sequence[str] | None:
        """The lines of a file, as they are in the editor where it is open there."""
        opened = next((one.lines for one in self.view.open_files if one.path == path), None)
        return opened if opened is not None else self.view.text_of(path)


def _around(snapshot: Snapshot) -> tuple[str, ...]:
    line = snapshot.cursor.line
    return snapshot.lines[max(0, line - WINDOW_ABOVE) : line + WINDOW_BELOW + 1]
