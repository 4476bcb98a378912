"""What the model is trained on and measured on: the manifest's packages, each with its version, hash and licence.

It opens one file and no connection, and does not know how packages are fetched or read.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST_PATH = Path(__file__).with_name("manifest.toml")


class ManifestError(ValueError):
    """The manifest is malformed, or names a licence that is not allowed."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package file of a registry (`pypi` or `npm`), pinned by its sha256."""

    registry: str
    name: str
    version: str
    licence: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A package of the running environment; the environment's constraints pin its version."""

    name: str
    licence: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The sources of the training text, and the packages that are held out for measuring."""

    stdlib: Installed
    installed: tuple[Installed, ...]
    packages: tuple[Package, ...]
    held_out: tuple[Package, ...]


def read_manifest(path: Path = MANIFEST_PATH) -> Manifest:
    """Read and check a manifest.

    Raises:
        ManifestError: a key is missing, a registry is unknown, a licence is not allowed, or a held-out package is
            trained on.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        allowed = frozenset(raw["allowed_licences"])
        manifest = Manifest(
            stdlib=Installed(raw["stdlib"]["name"], raw["stdlib"]["licence"]),
            installed=tuple(Installed(**item) for item in raw["installed"]),
            packages=tuple(_package(item) for item in raw["packages"]),
            held_out=tuple(_package(item) for item in raw["held_out"]),
        )
    except (KeyError, TypeError) as error:
        raise ManifestError(f"{path}: {error}; compare with the manifest that comes with the recipe.") from None
    _check(manifest, allowed)
    return manifest


def _package(raw: Mapping[str, Any]) -> Package:
    package = Package(**raw)
    if package.registry not in ("pypi", "npm"):
        raise ManifestError(f"{package.name}: registry is {package.registry!r}; it must be 'pypi' or 'npm'.")
    return package


def _check(manifest: Manifest, allowed: frozenset[str]) -> None:
    installed = {item.name: item.licence for item in (manifest.stdlib, *manifest.installed)}
    trained = installed | {item.name: item.licence for item in manifest.packages}
    held_out = {item.name: item.licence for item in manifest.held_out}
    for name, licence in (trained | held_out).items():
        if not is_allowed(licence, allowed):
            raise ManifestError(f"{name}: licence {licence!r} is not allowed; take the package out.")
    both = sorted(trained.keys() & held_out.keys())
    if both:
        raise ManifestError(f"{', '.join(both)}: trained on and held out; a package is one or the other.")


def is_allowed(licence: str, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression of AND and OR (without brackets) needs only allowed licences."""
    return any(all(part.strip() in allowed for part in choice.split(" AND ")) for choice in licence.split(" OR "))
