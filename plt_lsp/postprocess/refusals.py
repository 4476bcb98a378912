"""Texts that are not offered whatever they say: what the user just took away, what was dismissed, a file's name alone.

It does not know how the caller came to know what the user took away.
"""

import re

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View

NUM_TELLING_CHARS = 3
_COMMENT_MARKS = " \t#/*-;%<!>"
_PATH = re.compile(r"(?:[a-z]+://)?(?:[A-Za-z]:)?[~.\w@-]*(?:[/\\][\w.@-]+)+\.[A-Za-z]\w{0,9}")


def unless_just_deleted(text: str, view: View) -> Cut:
    """Drop a text that begins with what was just deleted, or that is its beginning."""
    deleted = view.deleted.replace("\r\n", "\n").strip()
    offered = text.strip()
    if not deleted:
        return Cut(text)
    is_same = offered == deleted
    is_begun = len(deleted) >= NUM_TELLING_CHARS and offered.startswith(deleted)
    is_part = len(offered) >= NUM_TELLING_CHARS and deleted.startswith(offered)
    return Cut("", Reason.JUST_DELETED) if is_same or is_begun or is_part else Cut(text)


def unless_dismissed(text: str, view: View) -> Cut:
    """Drop a text that, with what stands before it on its line, was dismissed; typing does not make it another.

    Nor do further lines, or the want of some: what was dismissed may have been shown before it had grown to its end.
    """
    full = view.completed(text)
    is_known = any(full == old or full.startswith(old + "\n") or old.startswith(full + "\n") for old in view.dismissed)
    return Cut("", Reason.DISMISSED) if is_known else Cut(text)


def may_be_refused(text: str, view: View) -> bool:
    """Whether a growing text may become one that is not offered, so that it is better not shown as yet."""
    pairs = [(old, view.completed(text)) for old in view.dismissed]
    pairs.append((view.deleted.replace("\r\n", "\n").strip(), text.strip()))
    return any(old and new and (old.startswith(new) or new.startswith(old)) for old, new in pairs)


def unless_lone_path(text: str, view: View) -> Cut:
    """Drop the name of a file that stands alone where code should; models that are shown names say them too."""
    if "\n" in text.strip() or view.around.is_string:
        return Cut(text)
    full = view.completed(text).strip(_COMMENT_MARKS).removeprefix("path:").strip()
    is_own = view.path is not None and full == view.path
    return Cut("", Reason.LONE_PATH) if is_own or _PATH.fullmatch(full) else Cut(text)
