"""What was edited lately in each workspace folder: places of documents, with the lines that stood there before.

It follows the edits of open documents without looking at their lines, and reads those only when it is asked. It does
not know what the edits are for.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plt_lsp.context.workspace import RecentEdit
from plt_lsp.documents import Shift

MAX_EDITS = 12
MAX_PLACES_OF_A_DOCUMENT = 6
MAX_DOCUMENTS = 24
# More lines than this are moved or generated rather than edited.
MAX_LINES = 40


@dataclass(frozen=True, slots=True)
class Home:
    """Where a document belongs: its workspace folder, its path in that, and its language."""

    folder: str
    path: str
    language_id: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Rows of a document that were edited.

    Attributes:
        first: of the rows as they are now.
        end: behind the last.
        before: the lines that stood there at first.
        when: a greater number for what was edited later.
    """

    first: int
    end: int
    before: tuple[str, ...]
    when: int

    def touches(self, shift: Shift) -> bool:
        """Whether an edit goes on here: it has a row in common, or follows one directly."""
        return shift.last >= self.first - 1 and shift.first <= self.end

    def after(self, shift: Shift, when: int) -> "Hunk":
        """What becomes of it by an edit that touches it."""
        above = shift.old_lines[: max(0, self.first - shift.first)]
        below = shift.old_lines[max(0, self.end - shift.first) :]
        end = max(self.end, shift.last + 1) + shift.num_new - (shift.last + 1 - shift.first)
        return Hunk(min(self.first, shift.first), end, (*above, *self.before, *below), when)

    def moved(self, shift: Shift) -> "Hunk":
        """Where it is after an edit elsewhere."""
        by = shift.num_new - (shift.last + 1 - shift.first) if shift.last < self.first else 0
        return Hunk(self.first + by, self.end + by, self.before, self.when)

    @property
    def is_small(self) -> bool:
        """Whether somebody may have typed it."""
        return max(len(self.before), self.end - self.first) <= MAX_LINES


class EditLog:
    """The last edits of all workspace folders."""

    def __init__(self) -> None:
        self._homes: OrderedDict[str, Home] = OrderedDict()
        self._hunks: dict[str, list[Hunk]] = {}
        self._ended: deque[tuple[int, str, RecentEdit]] = deque(maxlen=MAX_EDITS)
        self._when = 0
        self._numbers: dict[str, int] = {}

    def open(self, uri: str, home: Home) -> None:
        """A document was opened, and is followed from now on."""
        self._homes[uri] = home
        self._hunks[uri] = []
        while len(self._homes) > MAX_DOCUMENTS:
            self._forget(next(iter(self._homes)))

    def note(self, uri: str, shifts: Sequence[Shift]) -> None:
        """A document was edited; no edits where its whole text came anew, which ends what was known of it."""
        self._when += 1
        self._numbers[uri] = self._numbers.get(uri, 0) + 1
        if uri not in self._homes:
            return
        self._homes.move_to_end(uri)
        hunks = self._hunks[uri] if shifts else []
        for shift in shifts:
            hunks = followed(hunks, shift, self._when)
        self._hunks[uri] = hunks

    def close(self, uri: str, lines: Sequence[str]) -> None:
        """A document was closed; these were its lines."""
        home = self._homes.get(uri)
        if home is not None:
            ended = ((hunk.when, home.folder, edit_of(hunk, home, lines)) for hunk in self._hunks[uri])
            self._ended.extend(sorted(((when, folder, edit) for when, folder, edit in ended if edit), key=_when))
            self._forget(uri)
        self._numbers.pop(uri, None)

    def edits(self, folder: str, texts: Mapping[str, Sequence[str]]) -> tuple[RecentEdit, ...]:
        """The edits in a workspace folder, the newest first.

        Args:
            folder: as the documents' homes name it.
            texts: the lines of the documents by URI; what is edited in others is left out.
        """
        found = [one for one in self._ended if one[1] == folder]
        for uri, home in self._homes.items():
            if home.folder == folder and uri in texts:
                made = ((hunk.when, folder, edit_of(hunk, home, texts[uri])) for hunk in self._hunks[uri])
                found += [(when, folder, edit) for when, folder, edit in made if edit is not None]
        return tuple(edit for _, _, edit in sorted(found, key=_when, reverse=True))[:MAX_EDITS]

    def num_elsewhere(self, uri: str) -> int:
        """How many edits there were so far in other documents than this one."""
        return self._when - self._numbers.get(uri, 0)

    def _forget(self, uri: str) -> None:
        self._homes.pop(uri, None)
        self._hunks.pop(uri, None)


def followed(hunks: Sequence[Hunk], shift: Shift, when: int) -> list[Hunk]:
    """The places that were edited, after one more edit; the newest last."""
    touched = [hunk for hunk in hunks if hunk.touches(shift)]
    others = [hunk.moved(shift) for hunk in hunks if not hunk.touches(shift)]
    if len(touched) == 1:
        new = touched[0].after(shift, when)
    else:  # of places that an edit joins, what stood between them is not known
        new = Hunk(shift.first, shift.first + shift.num_new, shift.old_lines, when)
    return [*others, *([new] if new.is_small else [])][-MAX_PLACES_OF_A_DOCUMENT:]


def edit_of(hunk: Hunk, home: Home, lines: Sequence[str]) -> RecentEdit | None:
    """The edit of a place without the lines at its ends that are as they were; None where nothing is changed."""
    before, after, first = hunk.before, tuple(lines[hunk.first : hunk.end]), hunk.first
    while before and after and before[0] == after[0]:
        before, after, first = before[1:], after[1:], first + 1
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return RecentEdit(home.path, home.language_id, first, before, after) if before or after else None


def _when(one: tuple[int, str, RecentEdit]) -> int:
    return one[0]
