"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from undertone.errors import OutputError
from undertone.files import make_folder, write_beside, write_text


def names_in(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def write_half(path: Path, error: Exception) -> None:
    with write_beside(path) as file:
        file.write(b"half")
        raise error


def test_a_file_is_written_with_its_content_only(tmp_path: Path) -> None:
    with write_beside(tmp_path / "a.bin") as file:
        file.write(b"one")
        file.write(b"two")
    assert (tmp_path / "a.bin").read_bytes() == b"onetwo"
    assert names_in(tmp_path) == ["a.bin"]


def test_text_is_written_as_utf_8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Grüße\n李\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "Grüße\n李\r\n".encode()


def test_nobody_sees_the_target_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with write_beside(path) as file:
        file.write(b"new")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_a_failure_inside_the_block_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        write_half(path, ZeroDivisionError())
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_failure_to_write_something_else_keeps_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="inner: already known"):
        write_half(tmp_path / "outer", OutputError("inner", "already known"))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full) if place == "fsync" else monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        OutputError, match=r"a\.txt: it cannot be written \(No space left on device\); nothing was left"
    ):
        write_text(tmp_path / "a.txt", "text")
    monkeypatch.undo()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere/a.txt", "No such file or directory"),
        ("file/a.txt", "Not a directory"),
        ("folder", "Is a directory"),
        ("n" * 255, "File name too long"),
    ],
)
def test_a_target_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path, target: str, reason: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=rf"it cannot be written \({reason}\).*Name a folder") as caught:
        write_text(tmp_path / target, "text")
    assert caught.value.path == str(tmp_path / target)
    assert names_in(tmp_path) == ["file", "folder"]
    assert names_in(tmp_path / "folder") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write_text(tmp_path / "a.txt", "text")
    tmp_path.chmod(0o700)


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "text")
    (tmp_path / "b.txt").write_text("text", encoding="utf-8")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b.txt")}
    assert len(modes) == 1


def test_writers_of_one_target_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    texts = [str(number) * 50_000 for number in range(6)]
    start = threading.Barrier(len(texts))

    def write(text: str) -> None:
        start.wait()
        for _ in range(5):
            write_text(path, text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text(encoding="utf-8") in texts
    assert names_in(tmp_path) == ["a.txt"]


def test_folders_are_made_with_those_above_and_may_be_there(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(("target", "reason"), [("file", "File exists"), ("file/a", "Not a directory")])
def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path, target: str, reason: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match=rf"{target}: the folder cannot be made \({reason}\)\. Name one that you may"):
        make_folder(tmp_path / target)
