"""Qieemo whose recogniser goes on learning: what moves, what stays, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_backbones import saved_backbone

import undertone.learners.qieemo_tuned as tuned
from undertone.backbones.files import load_backbone
from undertone.errors import ConfigError
from undertone.learners.base import Fitting, Part
from undertone.learners.qieemo_tuned import QieemoTunedSettings, fit_qieemo_tuned
from undertone.records import Utterance
from undertone.systems.qieemo import Head, Qieemo
from undertone.training.store import FeatureStore

HEAD = Head(width=8, heads=2, hidden=8, first_block=1, last_block=2)


def part(bins: int = 80) -> Part:
    utterances = tuple(
        Utterance(
            id=f"made/{n}", path="x.wav", corpus="made", speaker="s", language="de", emotion="happy", duration=1.0
        )
        for n in range(8)
    )
    rows = np.random.default_rng(0).normal(size=(8 * 40, bins)).astype(np.float32)
    store = FeatureStore(rows=rows, spans={f"made/{n}": (40 * n, 40 * n + 40) for n in range(8)})
    truth = np.arange(8) % 2
    return Part(utterances=utterances, truth=truth, targets=np.eye(2)[truth], store=store)


def fitted_network(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> Qieemo:
    """Train a little, and give the network that was trained."""
    built: list[Qieemo] = []

    class Kept(Qieemo):
        def __init__(self, sizes: object) -> None:
            super().__init__(sizes)
            built.append(self)

    monkeypatch.setattr(tuned, "Qieemo", Kept)
    how = QieemoTunedSettings(backbone=str(folder), head=HEAD, steps=3, batch=4, **settings)
    fit_qieemo_tuned(part(), part(), Fitting(labels=("a", "b"), settings=how, seed=0, folder=folder / "fit"))
    return built[0]


@pytest.mark.parametrize(
    ("settings", "moved"),
    [({"kept": "head"}, set()), ({"kept": "top", "top": 1}, {"layers.1"}), ({"kept": "all"}, {"layers.0", "layers.1"})],
)
def test_only_what_is_kept_learning_moves(
    settings: dict[str, object], moved: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved_backbone(tmp_path)
    (folder / "fit").mkdir()
    before = load_backbone(folder)[0].state_dict()
    after = fitted_network(folder, monkeypatch, **settings).backbone.state_dict()
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    assert {".".join(name.split(".")[2:4]) for name in changed} == moved


def test_other_features_than_the_backbone_hears_are_refused(tmp_path: Path) -> None:
    settings = QieemoTunedSettings(backbone=str(saved_backbone(tmp_path)), head=HEAD)
    how = Fitting(labels=("a", "b"), settings=settings, seed=0, folder=tmp_path)
    with pytest.raises(ConfigError, match="tiny-phones hears 80 bands, the encoder gives 40; take log-mel"):
        fit_qieemo_tuned(part(bins=40), part(bins=40), how)
