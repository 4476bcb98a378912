"""What the model of the settings can do about refactorings, by what its pack says; nothing is loaded for that.

It does not know which refactorings there are.
"""

from pathlib import Path

from plt_engine.errors import PackError
from plt_engine.pack import MANIFEST_FILE
from plt_engine.pack_manifest import PackManifest, parse_manifest
from plt_engine.wire import EngineConfig
from plt_lsp.refactor.written.api import Abilities


class PackReader:
    """Reads what a pack says of itself, anew only where it was built anew."""

    def __init__(self) -> None:
        self._of: EngineConfig | None = None
        self._manifest: PackManifest | None = None

    def abilities(self, config: EngineConfig) -> Abilities:
        """What the pack's model can do.

        A pack that cannot be read is taken for one that can chat: what is wrong with it, its first use tells.
        """
        if config != self._of:
            self._of, self._manifest = config, _read(Path(config.pack_dir))
        manifest = self._manifest
        if manifest is None:
            return Abilities(can_chat=True, can_infill=False)
        return Abilities.measured(manifest.chat is not None, manifest.fim is not None, manifest.refactor_evidence)


def _read(folder: Path) -> PackManifest | None:
    try:
        return parse_manifest((folder / MANIFEST_FILE).read_bytes(), MANIFEST_FILE)
    except (OSError, PackError):
        return None
