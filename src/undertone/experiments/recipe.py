"""What a bundle is made of when its pretrained parts come from elsewhere: its card, and the weights that were learned.

A bundle that reads holds an encoder of text, 20 MB or more that somebody else published. What is stored here is small;
the rest is put together where that encoder is installed.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import backbone_folder
from undertone.encoders.text import text_checkpoint
from undertone.errors import BundleError, UsageError
from undertone.experiments.build import files_to_read_with, load_text_encoder
from undertone.experiments.goldens import golden_scripts, golden_windows
from undertone.export.write import export_system, write_bundle
from undertone.files import make_folder, write_beside, write_text
from undertone.inference.card import read_card
from undertone.parsing import parse_record
from undertone.systems.registry import system_named

if TYPE_CHECKING:
    from torch import nn

    from undertone.inference.card import Card, Pretrained, Reads

CARD: Final = "card.json"

HEAD: Final = "head.safetensors"
"""The weights behind the pretrained parts."""


def recipe_folder(place: str) -> Path:
    """Find a recipe.

    Args:
        place: its folder, or the name of one that comes with the package; a folder of that name comes first.

    Raises:
        UsageError: if it is neither; the names that there are are listed.
    """
    if Path(place).is_dir():
        return Path(place)
    home = Path(str(resources.files("undertone.bundles")))
    shipped = sorted(head.parent.name for head in home.glob(f"*/{HEAD}"))
    if place in shipped:
        return home / place
    raise UsageError(
        f"there is no folder {place!r} and no recipe of that name; there are {', '.join(shipped) or 'none'}"
    )


def write_recipe(network: nn.Module, card: Card, folder: Path) -> None:
    """Store what `assemble` needs.

    Args:
        network: trained, with a `head`; what else it holds stayed as it was pretrained.
        card: of its bundle.
        folder: gets `card.json` and `head.safetensors`.

    Raises:
        OutputError: if they cannot be written.
    """
    make_folder(folder)
    head = {name: value.contiguous() for name, value in network.get_submodule("head").state_dict().items()}
    with write_beside(folder / HEAD) as file:
        file.write(save(head))
    write_text(folder / CARD, card.as_json())


def assemble(recipe: Path, target: Path) -> Card:
    """Make a bundle of a recipe, of the backbone that it names and of the encoder of text that it names.

    Args:
        recipe: folder of `write_recipe`.
        target: of the bundle; replaced if there is one.

    Returns:
        The card, as written.

    Raises:
        BundleError: if the recipe is damaged, or a pretrained part is not the one that it was trained with.
        ConfigError, MissingExtraError: if a pretrained part is not there.
    """
    try:
        card = read_card((recipe / CARD).read_bytes(), str(recipe))
        head = load_file(recipe / HEAD)
    except (OSError, SafetensorError) as error:
        raise BundleError(str(recipe), f"it is no recipe of a bundle ({error}); name one that comes with it") from error
    if card.backbone is None or card.reads is None or card.backbone.learnt != "head":
        raise BundleError(str(recipe), "only bundles that read, on a backbone that did not learn, are made of a recipe")
    system = system_named(card.system)
    problems: list[str] = []
    sizes = parse_record(system.sizes, card.sizes, problems, where="sizes")
    if sizes is None:
        raise BundleError(str(recipe), "; ".join(problems))
    network = system.build(sizes)
    files = _load_pretrained(network, card.backbone, card.reads, recipe)
    try:
        network.get_submodule("head").load_state_dict(head)
    except RuntimeError as error:
        raise BundleError(str(recipe), f"its weights do not fit its card ({error})") from error
    exported = export_system(
        network,
        golden_windows(card.windows, card.front_end, seed=card.training.seed),
        mel_bins=card.front_end.mel_bins,
        precision="float32" if card.rounding is None else card.rounding.precision,
        scripts=golden_scripts(card.reads, card.windows, card.front_end),
    )
    return write_bundle(exported, card, target, reading=files)


def _load_pretrained(network: nn.Module, built_on: Pretrained, reads: Reads, recipe: Path) -> dict[str, bytes]:
    """Load the backbone and the encoder of text into a network, and give the files that the bundle reads with."""
    folder = backbone_folder(built_on.name)
    backbone, known = load_backbone(folder)
    text = text_checkpoint(reads.encoder)
    for name, wanted, found in (
        (f"the backbone {built_on.name}", built_on.sha256, known.sha256),
        (f"the encoder of text {reads.encoder}", reads.sha256, text.fingerprint),
    ):
        if wanted != found:
            raise BundleError(
                str(recipe),
                f"{name} is not the one it was trained with: {found[:12]}…, not {wanted[:12]}…; install that version",
            )
    network.get_submodule("backbone").load_state_dict(backbone.state_dict())
    load_text_encoder(network, text)
    return files_to_read_with(text, folder)
