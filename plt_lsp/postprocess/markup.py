"""Takes out what belongs to a model's way of talking and not to the code: control tokens and code fences.

It does not know what the code means.
"""

import re

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View

_CONTROL_TOKEN = re.compile(
    r"<\|\w+\|>|<(?:fim_(?:prefix|middle|suffix|pad)|file_sep|repo_name|filename|endoftext|PRE|SUF|MID|EOT)>"
)
_FENCE = "```"
_FIRST_FENCE = re.compile(r"[ \t]*```[\w+#.-]*[ \t]*(?:\n|\Z)")
_FENCED_LANGUAGES = frozenset({"markdown", "mdx", "rmd", "quarto", "restructuredtext"})


def before_control_token(text: str, _: View) -> Cut:
    """End before the first control token that was spelled out."""
    found = _CONTROL_TOKEN.search(text)
    return Cut(text[: found.start()], Reason.CONTROL_TOKEN, is_final=True) if found else Cut(text)


def without_fences(text: str, view: View) -> Cut:
    """What is between code fences, in languages that have none: the first one goes, the next ends the text."""
    if view.language_id in _FENCED_LANGUAGES:
        return Cut(text)
    first = _FIRST_FENCE.match(text)
    inner = text[first.end() :] if first else text
    end = 0 if inner.lstrip(" \t").startswith(_FENCE) else inner.find("\n" + _FENCE)
    if end >= 0:
        return Cut(inner[:end], Reason.CODE_FENCE, is_final=True)
    return Cut(inner, Reason.CODE_FENCE if first else None)
