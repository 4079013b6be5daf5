"""Promises about the shape of the code, checked in fresh interpreters and in the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import undertone

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "undertone"
MODULES = sorted(PACKAGE.rglob("*.py"))

HEAVY = {"torch", "onnx", "onnxscript", "scipy", "sklearn", "safetensors", "transformers"}

LAYERS: dict[str, set[str]] = {
    "errors": set(), "units": set(), "records": set(), "labels": set(), "files": set(), "parsing": set(),
    "audio": set(), "metrics": set(), "speech": set(),
    "conversation": {"audio", "metrics"},
    "corpora": {"audio", "metrics"},
    "transcribers": {"audio"},
    "inference": {"audio", "metrics", "speech", "conversation", "corpora", "bundles", "transcribers"},
    "bundles": set(),
    "testing": {"audio", "metrics", "conversation", "corpora", "inference", "experiments"},
    "api": {"inference", "conversation"},
    "backbones": {"audio", "speech"},
    "systems": {"audio", "metrics", "speech", "backbones"},
    "encoders": {"audio", "metrics", "speech", "backbones", "transcribers"},
    "training": {
        "audio", "metrics", "speech", "conversation", "corpora", "inference", "backbones", "systems", "encoders",
    },
    "asr": {
        "audio", "metrics", "speech", "corpora", "inference", "backbones", "encoders", "systems", "training", "export",
    },
    "learners": {"audio", "metrics", "speech", "corpora", "backbones", "systems", "encoders", "training"},
    "export": {"audio", "metrics", "speech", "inference", "backbones", "systems", "training"},
    "experiments": {
        "audio", "metrics", "speech", "corpora", "inference", "backbones", "systems", "encoders", "training",
        "learners", "export", "asr",
    },
}  # fmt: skip
"""What each part may import beside the first six, which everybody may, and beside itself."""

BASE = {"errors", "units", "records", "labels", "files", "parsing"}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("undertone."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("undertone.")}
    return names


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_part_imports_only_what_the_import_law_lets_it(path: Path) -> None:
    part = part_of(path)
    if part in {"__init__", "__main__", "cli"}:
        return  # these may name everybody: lazily, which the tests below hold
    assert part in LAYERS, f"{part} has no place in the import law: give it one in ARCHITECTURE.md and here"
    assert imported_parts(path) <= LAYERS[part] | BASE | {part}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 80, node.name


def test_import_undertone_loads_no_third_party_package() -> None:
    code = (
        "import sys; before = set(sys.modules); import undertone;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'undertone'}))"
    )
    assert run_python(code).strip() == "[]"


@pytest.mark.parametrize(
    "module",
    ["undertone.api", "undertone.inference.recognizer", "undertone.conversation.formats.registry", "undertone.cli"],
)
def test_the_light_half_runs_where_the_training_half_is_not_installed(module: str) -> None:
    code = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {sorted(HEAVY)!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import {module}
"""
    run_python(code)


def test_public_names_are_those_that_are_listed() -> None:
    for name in undertone.__all__:
        assert getattr(undertone, name) is not None
    assert dir(undertone) == sorted(undertone.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        undertone.nonsense  # noqa: B018


def test_every_public_name_has_its_home_among_the_type_checkers_imports() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    checked = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("undertone")
        for alias in node.names
    }
    assert checked | {"__version__"} == set(undertone.__all__)


def test_help_imports_no_numpy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom undertone.cli import main\n"
        "result = CliRunner().invoke(main, ['--help'])\nassert result.exit_code == 0, result.output\n"
        "print(sorted({'numpy', 'onnxruntime', 'rich', 'av', 'soundfile'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


def test_no_file_names_a_path_of_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    marks = [
        mark.encode() for mark in ("/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/", "file:" + "///opt", "pypi." + "org")
    ]
    suffixes = {".py", ".md", ".toml", ".txt", ".json", ".html", ".js", ".css", ".yml", ".svg", ".onnx", ""}
    found = [
        name
        for name in listed
        if Path(name).suffix in suffixes and (ROOT / name).is_file()
        if any(mark in (ROOT / name).read_bytes() for mark in marks)
    ]
    assert found == []
