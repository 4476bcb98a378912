"""The closing brackets and quotes that editors put behind the cursor when an opening one is typed: pure rules.

It knows no language: a text is read as brackets and quotes alone, which is all that editors look at too.
"""

CLOSERS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`"}
QUOTES = frozenset("\"'`")


def closers_due(typed: str) -> str:
    """What would close all that a text leaves open, the innermost first."""
    return "".join(reversed(_open_after([], typed)))


def before_closer(rest: str, typed: str, closed: str) -> str:
    """The rest of a text without what the editor has put behind the cursor already, and without what follows that.

    Args:
        rest: what is left of the text.
        typed: what was typed of it.
        closed: the closers that stand behind the cursor.
    """
    due = _open_after([], typed)
    num_due = len(due)
    for i, char in enumerate(rest if closed else ""):
        due = _open_after(due, char)
        if len(due) < num_due:
            return rest[:i]
    return rest


def _open_after(due: list[str], text: str) -> list[str]:
    """The closers that are due behind a text, the innermost last; `due` are those before it."""
    stack = list(due)
    for char in text:
        if stack and char == stack[-1]:
            stack.pop()
        elif char in CLOSERS and not (stack and stack[-1] in QUOTES):
            stack.append(CLOSERS[char])
    return stack
