"""Which packs name the same family, and a fingerprint that tells when any of them is built anew.

It looks at manifests that may be unsound, and knows nothing of what the packs hold.
"""

from pathlib import Path

import orjson

from plt_engine.pack import MANIFEST_FILE, list_packs


def relatives(folder: Path) -> tuple[Path, ...]:
    """The other packs that name a pack's family, by name; whether they are sound is not looked at."""
    family = _family_in(folder)
    others = () if family is None else list_packs()
    return tuple(one for one in others if _family_in(one) == family and one.resolve() != folder.resolve())


def _family_in(folder: Path) -> str | None:
    """What a pack.json says of its family, though the rest of it may be malformed."""
    try:
        raw = orjson.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    family = raw.get("family") if isinstance(raw, dict) else None
    return family if isinstance(family, str) else None


def pack_fingerprint(folder: Path) -> str:
    """Changes when a pack or another of its family is built anew in its place; it reads no more than manifests."""
    return ",".join(map(_state_of, (folder, *relatives(folder))))


def _state_of(folder: Path) -> str:
    try:
        status = (folder / MANIFEST_FILE).stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
