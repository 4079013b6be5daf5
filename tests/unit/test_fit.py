"""The training loop by itself: resume, early stopping, the running average, and several processes that train as one."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from undertone.training.fit import Course, Recipe, fit
from undertone.training.parallel import Workers

Pair = tuple[Tensor, Tensor]

RECIPE = Recipe(
    epochs=6,
    learning_rate=0.05,
    weight_decay=0.01,
    warm_up_epochs=1,
    clip=1.0,
    patience=10,
    average=0.5,
    bfloat16=False,
)


def course_of(*, items: int = 22, batch: int = 8, judgements: list[float] | None = None) -> Course[Pair]:
    """A line through noise; the last batch of an epoch is smaller than the others."""
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(items, 3)).astype(np.float32))
    targets = inputs @ torch.tensor([[1.0], [-2.0], [0.5]])

    def batches(epoch: int) -> Iterator[Pair]:
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(items))
        for chosen in torch.split(order, batch):
            yield inputs[chosen], targets[chosen]

    def validate(network: nn.Module) -> float:
        if judgements is not None:
            return judgements.pop(0)
        with torch.no_grad():
            return -float(nn.functional.mse_loss(network(inputs), targets))

    return Course(
        steps=-(-items // batch),
        batches=batches,
        part=lambda pair, rows: (pair[0][rows], pair[1][rows]),
        size=lambda pair: len(pair[0]),
        loss=lambda network, pair: nn.functional.mse_loss(network(pair[0]), pair[1]),
        validate=validate,
    )


def network_of() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))


def network_with_a_frozen_part() -> nn.Module:
    network = network_of()
    network[0].bias.requires_grad_(False)
    return network


def silent(epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
    pass


def weights_of(network: nn.Module) -> list[list[float]]:
    return [weight.flatten().tolist() for weight in network.state_dict().values()]


def test_the_loss_falls(tmp_path: Path) -> None:
    history = fit(network_of(), course_of(), RECIPE, seed=0, folder=tmp_path, report=silent)
    assert history["epochs"][-1]["loss"] < history["epochs"][0]["loss"]


@pytest.mark.parametrize("rates", [{}, {"0.": 0.01, "2.b": 0.02}])
@pytest.mark.parametrize("build", [network_of, network_with_a_frozen_part])
def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(
    tmp_path: Path, rates: dict[str, float], build: Callable[[], nn.Module]
) -> None:
    recipe = dataclasses.replace(RECIPE, rates=rates)

    class CutOffError(Exception):
        pass

    def cut(epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        if epoch == 3:
            raise CutOffError

    whole, resumed = build(), build()
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    expected = fit(whole, course_of(), recipe, seed=0, folder=tmp_path / "whole", report=silent)
    with pytest.raises(CutOffError):
        fit(build(), course_of(), recipe, seed=0, folder=tmp_path / "cut", report=cut)
    got = fit(resumed, course_of(), recipe, seed=0, folder=tmp_path / "cut", report=silent)
    assert got == expected
    assert weights_of(resumed) == weights_of(whole)


def test_frozen_weights_stay_and_the_others_move(tmp_path: Path) -> None:
    network, before = network_with_a_frozen_part(), network_of()
    fit(network, course_of(), RECIPE, seed=0, folder=tmp_path, report=silent)
    pairs = zip(network.named_parameters(), before.parameters(), strict=True)
    assert [name for (name, now), then in pairs if torch.equal(now, then)] == ["0.bias"]


def test_weights_of_a_name_have_a_rate_of_their_own(tmp_path: Path) -> None:
    """A first step of Adam moves every weight by the learning rate, whatever its gradient."""
    recipe = dataclasses.replace(
        RECIPE, epochs=1, warm_up_epochs=0, weight_decay=0.0, average=0.0, rates={"2.": 0.001, "0.b": 0.0}
    )
    network, before = network_of(), network_of()
    fit(network, course_of(items=8), recipe, seed=0, folder=tmp_path, report=silent)
    found = {
        name: float((now - then).detach().abs().mean())
        for (name, now), then in zip(network.named_parameters(), before.parameters(), strict=True)
    }
    expected = {"0.weight": 0.05, "0.bias": 0.0, "2.weight": 0.001, "2.bias": 0.001}
    assert found == pytest.approx(expected, rel=0.01)


def test_training_stops_when_validation_does_not_get_better_and_keeps_the_best(tmp_path: Path) -> None:
    recipe = Recipe(**{**RECIPE.__dict__, "epochs": 50, "patience": 2})
    judged = [0.1, 0.5, 0.4, 0.3, 0.2, 0.9]
    history = fit(network_of(), course_of(judgements=judged), recipe, seed=0, folder=tmp_path, report=silent)
    assert [row["validation_ua"] for row in history["epochs"]] == [0.1, 0.5, 0.4, 0.3]
    assert history["best"] == 1
    assert judged == [0.2, 0.9]


def test_checkpoints_are_as_rare_as_asked_but_the_last_is_always_made(tmp_path: Path) -> None:
    recipe = Recipe(**{**RECIPE.__dict__, "checkpoint_every_s": 1e6})
    seen: list[bool] = []

    def look(epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        seen.append((tmp_path / "checkpoint.safetensors").is_file())

    fit(network_of(), course_of(), recipe, seed=0, folder=tmp_path, report=look)
    assert seen == [False] * 5 + [True]


@pytest.mark.parametrize(("items", "count"), [(8, 3), (2, 3), (7, 1), (1, 4)])
def test_the_shares_of_all_processes_are_the_batch(items: int, count: int) -> None:
    parts = [list(range(items))[Workers(count=count, rank=rank).share(items)] for rank in range(count)]
    assert [item for part in parts for item in part] == list(range(items))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


TOGETHER = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_fit import RECIPE, course_of, network_with_a_frozen_part, silent, weights_of
from undertone.training.fit import fit
from undertone.training.parallel import joined_workers
with joined_workers() as workers:
    network = network_with_a_frozen_part()
    history = fit(network, course_of(items=17, batch=8), RECIPE, seed=0, folder=Path({folder!r}), report=silent,
        workers=workers)
    if workers.rank == 0:
        Path({folder!r}, "out.json").write_text(json.dumps([history, weights_of(network)]))
"""


def test_three_processes_train_as_one_does(tmp_path: Path) -> None:
    """The last batch of an epoch holds one utterance: two of the three processes then have nothing to hear."""
    (tmp_path / "alone").mkdir()
    alone = network_with_a_frozen_part()
    expected = fit(alone, course_of(items=17, batch=8), RECIPE, seed=0, folder=tmp_path / "alone", report=silent)
    script = tmp_path / "together.py"
    script.write_text(TOGETHER.format(tests=str(Path(__file__).parent), folder=str(tmp_path)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3", str(script)],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    history, weights = json.loads((tmp_path / "out.json").read_text())
    assert history["best"] == expected["best"]
    for got, want in zip(history["epochs"], expected["epochs"], strict=True):
        assert got["loss"] == pytest.approx(want["loss"], abs=1e-5)
    for got, want in zip(weights, weights_of(alone), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)
