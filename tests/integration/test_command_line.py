"""The command line as a person meets it: output, exit status, failures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from undertone.cli import main
from undertone.conversation.formats.registry import FORMATS
from undertone.inference import batch

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "conversation.flac"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("analyze", "bundle", "doctor", "formats", "train"):
        assert name in result.stdout


def test_unknown_command_is_a_usage_error() -> None:
    assert run("sing").exit_code == 2


def test_formats_lists_all() -> None:
    result = run("formats")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == [row.name for row in FORMATS]


def test_json_on_standard_output_is_the_contract() -> None:
    result = run("analyze", EXAMPLE, "--format", "json", "--names", "Anna,Ben")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["format"] == 1
    assert set(found["speakers"]) == {"Anna", "Ben"}
    labels = ["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"]
    assert found["labels"] == labels
    for turn in found["turns"]:
        assert {"start", "end", "speaker", "probabilities", "label", "confidence"} <= turn.keys()
        assert list(turn["probabilities"]) == labels
        assert sum(turn["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_the_example_is_heard_turn_by_turn() -> None:
    found = json.loads(run("analyze", EXAMPLE, "--format", "json", "--names", "Anna,Ben").stdout)
    spoken = [(turn["speaker"], round(turn["start"])) for turn in found["turns"]]
    assert [name for name, _ in spoken] == ["Ben", "Anna", "Ben", "Anna", "Ben", "Ben", "Anna", "Ben", "Anna", "Ben"]
    assert [start for _, start in spoken] == [0, 6, 12, 17, 20, 23, 31, 36, 42, 46]


def test_every_format_is_written_into_the_folder(tmp_path: Path) -> None:
    written = [row for row in FORMATS if row.writes]
    result = run("analyze", EXAMPLE, "-o", tmp_path, *[word for row in written for word in ("-f", row.name)])
    assert result.exit_code == 0, result.stderr
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(f"conversation{row.suffix}" for row in written)
    assert result.stdout == ""


def test_a_batch_goes_on_past_bad_files_and_lists_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", np.zeros(16_000), 16_000)
    (tmp_path / "bad.wav").write_text("these are words")
    result = run("analyze", tmp_path, tmp_path / "missing.wav", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "2 of 3 recordings failed" in result.stderr
    assert "bad.wav" in result.stderr
    assert "missing.wav" in result.stderr
    assert [item.name for item in (tmp_path / "out").iterdir()] == ["good.json"]


def test_recordings_side_by_side_are_told_in_their_order_and_as_if_alone(tmp_path: Path) -> None:
    sound, sample_rate = soundfile.read(EXAMPLE, dtype="float32")
    lengths = {"c.wav": 20, "a.wav": 3, "d.wav": 0.1, "b.wav": 9}  # the first takes longest
    for name, seconds in lengths.items():
        soundfile.write(tmp_path / name, sound[: int(seconds * sample_rate)], sample_rate)
    paths = [tmp_path / name for name in lengths]
    together = run("analyze", *paths, "-f", "table")
    alone = [run("analyze", path, "-f", "table") for path in paths]
    assert together.stdout == "".join(result.stdout for result in alone)
    assert [result.exit_code for result in (together, *alone)] == [0] * 5


@pytest.mark.parametrize(("options", "wanted"), [((), 3), (("--asr", "pocketsphinx"), 1)])
def test_recordings_are_heard_side_by_side_unless_a_transcriber_hears_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], wanted: int
) -> None:
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, np.zeros(16_000), 16_000)
    seen: list[int] = []
    right = batch.results_of

    def watched(items: list[Path], work: object, *, side_by_side: int) -> object:
        seen.append(side_by_side)
        return right(items, work, side_by_side=side_by_side)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "at_once", lambda: 3)
    monkeypatch.setattr(batch, "results_of", watched)
    assert run("analyze", tmp_path, "-o", tmp_path / "out", *options).exit_code == 0
    assert run("analyze", tmp_path / "a.wav", "-o", tmp_path / "out", *options).exit_code == 0
    assert seen == [wanted, 1], "one recording alone needs no threads"


def test_silence_is_a_timeline_without_turns_and_no_failure(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(48_000), 16_000)
    result = run("analyze", tmp_path / "silence.wav", "-f", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["turns"] == []
    assert "nobody was heard to speak" in found["notes"]


def test_two_recordings_of_one_name_are_refused_before_any_work(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "call.wav", np.zeros(16_000), 16_000)
    result = run("analyze", tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both be written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_without_recordings_is_a_usage_error(tmp_path: Path) -> None:
    result = run("analyze", tmp_path)
    assert result.exit_code == 2
    assert "holds no recording" in result.stderr


def test_html_needs_a_folder() -> None:
    result = run("analyze", EXAMPLE, "-f", "html")
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_several_results_do_not_share_standard_output() -> None:
    result = run("analyze", EXAMPLE, "-f", "json", "-f", "csv")
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_an_output_folder_that_is_a_file_is_one_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    result = run("analyze", EXAMPLE, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "the folder cannot be made (File exists)" in result.stderr


def test_a_disk_that_fills_leaves_nothing_half_written(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from undertone.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "analyze", str(EXAMPLE), "-o", str(tmp_path), "-f", "json", "-f", "csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written (File too large)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_speakers_are_left_out_on_request() -> None:
    skipped = json.loads(run("analyze", EXAMPLE, "-f", "json", "--names", "Anna,Ben", "--skip-speaker", "Ben").stdout)
    only = json.loads(run("analyze", EXAMPLE, "-f", "json", "--names", "Anna,Ben", "--only-speaker", "Anna").stdout)
    assert {turn["speaker"] for turn in skipped["turns"]} == {"Anna"}
    assert skipped["turns"] == only["turns"]
    assert "left out on request: Ben" in skipped["notes"]


def test_an_unknown_speaker_is_refused_with_those_there_are() -> None:
    result = run("analyze", EXAMPLE, "--names", "Anna,Ben", "--only-speaker", "Carl")
    assert result.exit_code == 1
    assert "nobody is called Carl; the speakers of this recording are Anna, Ben" in result.stderr


def test_names_that_do_not_match_the_channels_are_refused() -> None:
    result = run("analyze", EXAMPLE, "--names", "Anna,Ben,Carl")
    assert result.exit_code == 1
    assert "3 names (Anna, Ben, Carl) for 2 voices" in result.stderr


def test_somebody_elses_turns_are_judged_as_they_are(tmp_path: Path) -> None:
    turns = tmp_path / "conversation.rttm"
    turns.write_text(
        "SPEAKER conversation 1 0.5 4.3 <NA> <NA> Ben <NA> <NA>\n"
        "SPEAKER conversation 1 5.6 5.0 <NA> <NA> Anna <NA> <NA>\n"
        "SPEAKER conversation 1 11.0 0.1 <NA> <NA> Ben <NA> <NA>\n"
    )
    result = run("analyze", EXAMPLE, "-f", "json", "--turns", turns)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["turns"]
    assert [(turn["speaker"], turn["start"]) for turn in found] == [("Ben", 0.5), ("Anna", 5.6), ("Ben", 11.0)]
    assert found[2]["abstention"] == "too short"
    assert found[2]["probabilities"] is None


def test_turns_past_the_end_of_the_recording_are_refused(tmp_path: Path) -> None:
    turns = tmp_path / "conversation.rttm"
    turns.write_text("SPEAKER conversation 1 48.0 20.0 <NA> <NA> Ben <NA> <NA>\n")
    result = run("analyze", EXAMPLE, "--turns", turns)
    assert result.exit_code == 1
    assert "68" in result.stderr
    assert "49.090 s" in result.stderr


def test_bundle_show_and_verify() -> None:
    shown = run("bundle", "show")
    assert shown.exit_code == 0
    assert "not for" in shown.stdout
    assert json.loads(run("bundle", "show", "--json").stdout)["format"] == 2
    assert run("bundle", "verify").exit_code == 0


def test_a_missing_bundle_is_one_clear_failure(tmp_path: Path) -> None:
    result = run("analyze", EXAMPLE, "--bundle", tmp_path / "nothing")
    assert result.exit_code == 1
    assert "there is no such folder" in result.stderr


def test_doctor_finds_nothing_wrong() -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert "goldens" in result.stdout


def test_train_checks_its_configuration(tmp_path: Path) -> None:
    right = run("train", EXAMPLE.parents[1] / "experiments" / "default.toml", "--data", "x", "--work", "y", "--check")
    assert right.exit_code == 0, right.stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "x"\nsystem = "compact"\ncorpora = ["emodb"]\nseeed = 1\n[held_out]\n')
    result = run("train", wrong, "--data", "x", "--work", "y", "--check")
    assert result.exit_code == 1
    assert "seeed is not a setting; did you mean seed?" in result.stderr
