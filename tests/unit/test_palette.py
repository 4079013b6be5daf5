"""The seven emotions can be told apart with and without colour."""

import itertools
import re

import numpy as np
import pytest

from undertone.conversation.palette import (
    ABSTAINED,
    DARK_PAGE,
    LIGHT_PAGE,
    LOOKS,
    OTHER,
    contrast,
    ink_on,
    look_of,
    outcome_of,
)
from undertone.labels import EMOTIONS
from undertone.records import Abstention, Turn, TurnEmotion

EVERY_LOOK = [*LOOKS.values(), *ABSTAINED.values(), OTHER]

# Machado, Oliveira & Fernandes (2009), table 1, severity 1.0, row by row; they apply to linear RGB.
VISION = {
    "full": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "protanopia": (0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998),
    "deuteranopia": (0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881),
    "tritanopia": (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900),
}

# Björn Ottosson (2020), "A perceptual color space for image processing"; row by row.
TO_CONES = (0.41222147, 0.53633254, 0.05144599, 0.21190350, 0.68069955, 0.10739696, 0.08830246, 0.28171884, 0.62997870)
TO_OKLAB = (
    0.21045426,
    0.79361779,
    -0.00407205,
    1.97799850,
    -2.42859221,
    0.45059371,
    0.02590404,
    0.78277177,
    -0.80867577,
)


def square(rows):
    return np.reshape(rows, (3, 3))


def oklab(colour, vision):
    value = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return square(TO_OKLAB) @ np.cbrt(square(TO_CONES) @ np.clip(square(vision) @ linear, 0, 1))


def test_every_emotion_has_a_look():
    assert set(LOOKS) == set(EMOTIONS)
    assert set(ABSTAINED) == set(Abstention)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_every_two_colours_differ_however_one_sees(theme, vision):
    # 0.07 in Oklab is more than three just noticeable differences (about 0.02).
    colours = {name: oklab(getattr(look, theme), VISION[vision]) for name, look in LOOKS.items()}
    distances = {(a, b): np.linalg.norm(colours[a] - colours[b]) for a, b in itertools.combinations(colours, 2)}
    assert min(distances.values()) >= 0.07, min(distances, key=distances.get)


@pytest.mark.parametrize("look", EVERY_LOOK, ids=lambda look: look.code)
def test_colours_stand_out_from_the_page_and_carry_text(look):
    # WCAG 2.2: 3 for graphics (1.4.11), 4.5 for text (1.4.3).
    assert contrast(look.light, LIGHT_PAGE) >= 3
    assert contrast(look.dark, DARK_PAGE) >= 3
    assert contrast(look.light, "#000000") >= 3, "terminals are often black"
    for colour in (look.light, look.dark):
        assert contrast(colour, ink_on(colour)) >= 4.5


def test_without_colour_letters_and_patterns_tell_looks_apart():
    assert len({look.code for look in EVERY_LOOK}) == len(EVERY_LOOK)
    assert len({look.pattern for look in EVERY_LOOK}) == len(EVERY_LOOK)
    assert all(len(look.code) == 1 and look.code.isascii() for look in EVERY_LOOK)


@pytest.mark.parametrize("look", EVERY_LOOK, ids=lambda look: look.code)
def test_a_pattern_is_svg_path_data_and_nothing_else(look):
    assert re.fullmatch(r"[MlhvV0-9. -]*", look.pattern)


@pytest.mark.parametrize(("first", "second", "expected"), [("#000000", "#FFFFFF", 21.0), ("#777777", "#777777", 1.0)])
def test_contrast_reaches_its_ends(first, second, expected):
    assert contrast(first, second) == pytest.approx(expected)
    assert contrast(second, first) == pytest.approx(expected)


def test_contrast_agrees_with_a_published_value():
    # The W3C's own example of the lightest grey that passes on white: 4.54.
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)


def test_look_of_knows_labels_and_reasons_and_has_one_for_the_rest():
    assert look_of("angry") is LOOKS["angry"]
    assert look_of("too short") is ABSTAINED[Abstention.TOO_SHORT]
    assert look_of("frustrated") is OTHER


def test_outcome_is_the_label_or_the_reason():
    turn = Turn(start=0, end=1, speaker="A")
    sad = TurnEmotion(turn=turn, probabilities=[1.0], label="sad")
    silent = TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.SILENT)
    assert (outcome_of(sad), outcome_of(silent)) == ("sad", "silent")
