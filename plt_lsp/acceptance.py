"""What becomes of an offer: accepted whole or in part, typed through, or ignored, and how much of it stays.

It follows the document's own text, so that editors which tell nothing are counted like those that tell all. Texts are
held only as long as an offer is followed; it knows no clock, no protocol and no files, and hands out counts alone.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum

from plt_lsp.documents import Shift
from plt_lsp.positions import Cursor

MAX_OFFERS = 100
# What one key press can add: a character, and the closing bracket or quote that an editor adds to it.
MAX_KEYSTROKE_CHARS = 2
RETENTION_SECONDS = (30, 120)


class Fate(StrEnum):
    """How an offer ended."""

    ACCEPTED = "accepted"  # inserted whole by the editor's accept
    PARTLY_ACCEPTED = "partly_accepted"  # a word or a line of it was inserted
    TYPED_THROUGH = "typed_through"  # typed by hand, as far as it was followed
    DISMISSED = "dismissed"  # the user had it taken from the screen
    IGNORED = "ignored"  # nothing of it was used


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that was offered at a place.

    Attributes:
        number: names it to the editor.
        uri: the document.
        language: the document's language id.
        loops: the loop count that it was made with.
        anchor: where its text begins.
        text: what was offered, with the document's line ends.
        num_matched: how much of it stands in the document now.
        num_inserted: how much came in larger pieces than a key press makes.
        was_shown: whether the editor said that it showed it.
    """

    number: int
    uri: str
    language: str
    loops: int
    anchor: Cursor
    text: str
    num_matched: int = 0
    num_inserted: int = 0
    was_shown: bool = False

    @property
    def end(self) -> Cursor:
        """Where the cursor stands once all of it is inserted."""
        return _after(self.anchor, self.text)

    def stands_in(self, lines: Sequence[str]) -> bool:
        """Whether all of its text stands in its document's lines where it was offered."""
        return _from(lines, self.anchor, len(self.text)) == self.text

    @property
    def fate(self) -> Fate:
        """What it would be counted as if it ended now."""
        if self.num_matched == 0:
            return Fate.IGNORED
        if self.num_inserted == 0:
            return Fate.TYPED_THROUGH
        is_whole = self.num_matched == len(self.text) and 2 * self.num_inserted >= self.num_matched
        return Fate.ACCEPTED if is_whole else Fate.PARTLY_ACCEPTED


@dataclass(frozen=True, slots=True)
class Ended:
    """An offer that is followed no more: its fate, and how many of its characters are in the document."""

    offer: Offer
    fate: Fate
    num_chars: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is offered: a document, its language id, and the cursor."""

    uri: str
    language: str
    anchor: Cursor


@dataclass(frozen=True, slots=True)
class Offered:
    """An answer's offers in its order, those that they ended, and whether the first is no older offer going on."""

    offers: tuple[Offer, ...]
    ended: tuple[Ended, ...]
    is_new: bool


@dataclass(slots=True)
class Tracker:
    """The offers of one server.

    Attributes:
        open: those that may still be accepted, by number.
    """

    open: OrderedDict[int, Offer] = field(default_factory=OrderedDict)
    _num: int = 0

    def offer(self, place: Place, loops: int, texts: Sequence[str]) -> Offered:
        """Follow the texts of a new answer in place of what was offered for the document before.

        What goes on with an offer that is being typed through is that offer still, and keeps its number.
        """
        going_on = next((o for o in self.open.values() if o.uri == place.uri and _goes_on(o, place, texts)), None)
        kept = {going_on.number} if going_on is not None else set()
        ended = [self._end(n) for n, o in list(self.open.items()) if o.uri == place.uri and n not in kept]
        offers = [] if going_on is None else [self._lengthened(going_on, texts[0])]
        for text in texts[len(offers) :]:
            self._num += 1
            offers.append(Offer(self._num, place.uri, place.language, loops, place.anchor, text))
            self.open[self._num] = offers[-1]
        while len(self.open) > MAX_OFFERS:
            ended.append(self._end(next(iter(self.open))))
        return Offered(tuple(offers), tuple(ended), is_new=going_on is None)

    def _lengthened(self, offer: Offer, rest: str) -> Offer:
        longer = replace(offer, text=offer.text[: offer.num_matched] + rest)
        self.open[offer.number] = longer
        return longer

    def shown(self, number: int) -> Offer | None:
        """The editor showed an offer; returns it the first time."""
        offer = self.open.get(number)
        if offer is None or offer.was_shown:
            return None
        self.open[number] = replace(offer, was_shown=True)
        return self.open[number]

    def accepted(self, number: int) -> Ended | None:
        """The editor has inserted all of it; None for one that is not open."""
        offer = self.open.pop(number, None)
        if offer is None:
            return None
        self._end_rivals(offer)
        return Ended(offer, Fate.ACCEPTED, len(offer.text))

    def dismissed(self, uri: str) -> list[Ended]:
        """The user wants nothing of what is offered for a document; what was used of it counts all the same."""
        ended = self.close(uri)
        return [replace(one, fate=Fate.DISMISSED) if one.fate is Fate.IGNORED else one for one in ended]

    def close(self, uri: str) -> list[Ended]:
        """A document was closed."""
        return [self._end(number) for number, offer in list(self.open.items()) if offer.uri == uri]

    def partly_accepted(self, number: int, num_chars: int) -> None:
        """The editor has inserted so much of it so far."""
        offer = self.open.get(number)
        if offer is not None:
            # The document's own text says how much is there; an editor's number may count what stood there before.
            num = offer.num_matched or max(0, min(num_chars, len(offer.text)))
            self.open[number] = replace(offer, num_matched=num, num_inserted=min(num, num_chars))

    def changed(self, uri: str, lines: Sequence[str], shifts: Sequence[Shift]) -> list[Ended]:
        """Follow a document's change; returns the offers that it ended."""
        ended = []
        for number, offer in list(self.open.items()):
            if offer.uri != uri:
                continue
            moved = replace(offer, anchor=_moved(offer.anchor, shifts))
            num_matched = _common(offer.text, _from(lines, moved.anchor, len(offer.text)))
            num_new = num_matched - offer.num_matched
            inserted = num_new if num_new > MAX_KEYSTROKE_CHARS else 0
            self.open[number] = replace(
                moved, num_matched=num_matched, num_inserted=min(num_matched, offer.num_inserted + inserted)
            )
            if num_matched == len(offer.text):
                ended.append(self._end(number))
                self._end_rivals(offer)
        return ended

    def _end(self, number: int) -> Ended:
        offer = self.open.pop(number)
        return Ended(offer, offer.fate, offer.num_matched)

    def _end_rivals(self, taken: Offer) -> None:
        """Alternatives to what was taken were not ignored: they are simply over."""
        rivals = [n for n, other in self.open.items() if (other.uri, other.anchor) == (taken.uri, taken.anchor)]
        for number in rivals:
            del self.open[number]


@dataclass(frozen=True, slots=True)
class Kept:
    """Accepted text whose stay is to be measured; `line` moves with the document."""

    uri: str
    language: str
    loops: int
    line: int
    text: str


def kept_of(ended: Ended) -> Kept | None:
    """What to measure later of an offer that was accepted."""
    if ended.fate not in (Fate.ACCEPTED, Fate.PARTLY_ACCEPTED):
        return None
    offer = ended.offer
    return Kept(offer.uri, offer.language, offer.loops, offer.anchor.line, offer.text[: ended.num_chars])


def follow(kept: Kept, shifts: Sequence[Shift]) -> Kept:
    """The same text after a change of its document."""
    return replace(kept, line=_moved(Cursor(kept.line, 0), shifts).line)


def num_retained(kept: Kept, lines: Sequence[str]) -> int:
    """How many of its characters still stand, in order, around the place where it was inserted."""
    num_lines = kept.text.count("\n") + 1
    window = "".join(lines[max(0, kept.line - 1) : kept.line + 2 * num_lines + 1])
    matcher = SequenceMatcher(None, kept.text, window, autojunk=False)
    # A match of one or two characters is found in any text.
    return sum(block.size for block in matcher.get_matching_blocks() if block.size >= min(3, len(kept.text)))


def _goes_on(offer: Offer, place: Place, texts: Sequence[str]) -> bool:
    """Whether an answer is the rest of an offer of which the first part stands before the cursor now."""
    rest = offer.text[offer.num_matched :]
    is_rest = bool(texts) and bool(rest) and (rest.startswith(texts[0]) or texts[0].startswith(rest))
    return is_rest and _after(offer.anchor, offer.text[: offer.num_matched]) == place.anchor


def _after(anchor: Cursor, text: str) -> Cursor:
    head, separator, tail = text.rpartition("\n")
    if not separator:
        return Cursor(anchor.line, anchor.column + len(text))
    return Cursor(anchor.line + head.count("\n") + 1, len(tail))


def _moved(anchor: Cursor, shifts: Sequence[Shift]) -> Cursor:
    line = anchor.line
    for shift in shifts:
        if shift.last < line:
            line += shift.num_new - (shift.last - shift.first + 1)
        elif shift.first < line:
            line = shift.first
    return Cursor(line, anchor.column)


def _from(lines: Sequence[str], anchor: Cursor, num_chars: int) -> str:
    return "".join(_taken(lines, anchor, num_chars))[:num_chars]


def _taken(lines: Sequence[str], anchor: Cursor, num_chars: int) -> Iterator[str]:
    for i in range(anchor.line, len(lines)):
        piece = lines[i][anchor.column :] if i == anchor.line else lines[i]
        yield piece
        num_chars -= len(piece)
        if num_chars <= 0:
            return


def _common(one: str, two: str) -> int:
    limit = min(len(one), len(two))
    return next((i for i in range(limit) if one[i] != two[i]), limit)
