"""Whether a file's content shows that it keeps credentials: a private key, or secrets as its main matter.

It is a pure rule over lines and does not know the file's name, nor what follows for the file.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from plt_lsp.context.secrets import find_secrets

# So many rows from the beginning are looked at.
MAX_ROWS = 200
# Fewer secrets than this are covered where they stand, and the rest of the file is of use.
MIN_SECRETS = 3
# At least one of so many rows that say something must have a secret.
ROWS_PER_SECRET = 2

_KEY_FILE = re.compile(r"\s*-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
# Nothing is said by blank rows, comments, the heads of sections, and brackets alone.
_SAYS_NOTHING = re.compile(r"\s*(?:(?:#|//|;|--|\*|/\*|<!--|\[[^\]=]*\]\s*$).*|[\s(){}\[\],;]*)", re.DOTALL)


def is_credentials_store(lines: Sequence[str], row: int | None = None) -> bool:
    """Whether credentials are what a file is about.

    Args:
        lines: of the file.
        row: that is being typed on, which does not count, so that the answer stays while one types; None for none.
    """
    others = lines if row is None or row >= MAX_ROWS else (*lines[:row], *lines[row + 1 : MAX_ROWS + 1])
    return _is_store("".join(others[:MAX_ROWS]))


@lru_cache(maxsize=64)
def _is_store(text: str) -> bool:
    if _KEY_FILE.match(text):
        return True
    rows = {text.count("\n", 0, secret.start) for secret in find_secrets(text)}
    if len(rows) < MIN_SECRETS:
        return False
    num_saying = sum(_SAYS_NOTHING.fullmatch(line) is None for line in text.splitlines())
    return len(rows) * ROWS_PER_SECRET >= num_saying
