"""The packs of one family as one set of loop counts: which pack each count is run with, and why others are left out.

It reads manifests and shapes only; it loads no weights, and does not know how much memory there is.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from plt_engine.config import read_config
from plt_engine.errors import EngineError, PackError
from plt_engine.json_object import Figure
from plt_engine.loop_policy import LoopOption, preference
from plt_engine.pack import TOKENIZER_FILE, Pack, load_pack
from plt_engine.pack_manifest import QUALITY, SAMPLE, PackManifest
from plt_engine.relatives import relatives


@dataclass(frozen=True, slots=True)
class Family:
    """Packs that serve as one.

    Attributes:
        packs: the one that was named, then others whose figures can be compared with its own.
        left_out: why others of the family are none of these, a message for each.
    """

    packs: tuple[Pack, ...]
    left_out: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """The loop counts that the policy chooses from, the best first."""
        options = [option for option, _ in self._offers.values()]
        return preference(options, self.packs[0].manifest.default_loops)

    @property
    def by_count(self) -> dict[int, Pack]:
        """The pack of each loop count: all counts of the named one, and those of others that the policy may choose."""
        counts, named = self.counts, self.packs[0]
        return {loops: pack for loops, (_, pack) in self._offers.items() if pack is named or loops in counts}

    def without(self, folder: Path, reason: str) -> "Family":
        """The family without the pack in a folder, which is left out for a reason."""
        message = f"The pack {folder.name} is left out of the family {self.packs[0].manifest.family}: {reason}"
        return Family(tuple(pack for pack in self.packs if pack.folder != folder), (*self.left_out, message))

    @property
    def _offers(self) -> dict[int, tuple[LoopOption, Pack]]:
        """Each loop count with its quality and its pack: the named one where it has the count, else the best."""
        offers = [(option, pack) for pack in self.packs for option in loop_options(pack.manifest)]
        offers.sort(key=lambda offer: (offer[1] is not self.packs[0], _bits(offer[0])))
        found: dict[int, tuple[LoopOption, Pack]] = {}
        for option, pack in offers:
            found.setdefault(option.loops, (option, pack))
        return found


def family_of(named: Pack) -> Family:
    """The family of a pack: what of it can be found, and is of its kind."""
    family = Family((named,))
    for folder in relatives(named.folder):
        try:
            pack = load_pack(folder)
            _require_kin(named, pack)
        except (EngineError, OSError) as error:
            family = family.without(folder, str(error))
        else:
            family = replace(family, packs=(*family.packs, pack))
    return family


def loop_options(manifest: PackManifest) -> tuple[LoopOption, ...]:
    """A pack's certified loop counts, each with its quality where that was measured."""
    return tuple(LoopOption(one.loops, _number(one.evidence.figures.get(QUALITY))) for one in manifest.loops)


def _require_kin(named: Pack, other: Pack) -> None:
    """Raise unless a pack reads and writes the same tokens as the named one, and their figures can be compared."""
    mine, its = named.manifest, other.manifest
    if mine.files[TOKENIZER_FILE] != its.files[TOKENIZER_FILE]:
        raise PackError(f"its tokenizer is not that of {mine.name}.")
    if (mine.fim, mine.chat) != (its.fim, its.chat):
        raise PackError(f"its prompt formats (fim, chat) are not those of {mine.name}.")
    shape, other_shape = read_config(named.folder), read_config(other.folder)
    if (shape.bos_token_id, shape.eos_token_ids) != (other_shape.bos_token_id, other_shape.eos_token_ids):
        raise PackError(f"its config.json names other tokens that begin and end a text than that of {mine.name}.")
    if other_shape.max_position_embeddings < shape.max_position_embeddings:
        raise PackError(
            f"it reads {other_shape.max_position_embeddings} tokens at most, and {mine.name} reads "
            f"{shape.max_position_embeddings}."
        )
    if _sample(mine) is None or _sample(mine) != _sample(its):
        raise PackError(
            f"its quality and that of {mine.name} were not measured on the same sample at every loop count; "
            "`plt-lsp models calibrate` measures each of them."
        )


def _sample(manifest: PackManifest) -> Figure | None:
    """What the quality of every loop count was measured on, or None where that is not one thing."""
    if any(option.bits_per_byte is None for option in loop_options(manifest)):
        return None
    samples = {one.evidence.figures.get(SAMPLE) for one in manifest.loops}
    return samples.pop() if len(samples) == 1 else None


def _bits(option: LoopOption) -> float:
    return float("inf") if option.bits_per_byte is None else option.bits_per_byte


def _number(figure: Figure | None) -> float | None:
    return None if figure is None or isinstance(figure, str) else float(figure)
