"""Where the index of a workspace is kept on this machine.

It does not know what is in it.
"""

import hashlib
import os
import re
from pathlib import Path

import platformdirs

from plt_engine.pack import DATA_DIR_VARIABLE

DATABASE = "index.sqlite3"


def cache_dir() -> Path:
    """The folder of what can be made anew: beside the data where its place is chosen, else the platform's place."""
    override = os.environ.get(DATA_DIR_VARIABLE)
    return Path(override) / "cache" if override else Path(platformdirs.user_cache_path("plt-lsp"))


def database_of(root: Path) -> Path:
    """The database of a workspace folder; two folders never share one.

    Args:
        root: the folder's absolute path with symbolic links resolved.
    """
    name = re.sub(r"[^\w.-]", "_", root.name)[:40] or "root"
    digest = hashlib.blake2b(os.fsencode(root), digest_size=8).hexdigest()
    return cache_dir() / "index" / f"{name}-{digest}" / DATABASE
