"""The house rules that no linter keeps: sizes, docstrings, names, contracts, and documents that tell the truth."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "rarebit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in SOURCES]
MOST_LINES, LONGEST_FUNCTION = 400, 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("_")}
each_source = pytest.mark.parametrize("path", SOURCES, ids=IDS)


@each_source
def test_a_module_says_what_it_is_and_is_short(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert text.startswith('"""'), "the first line says what the module is"
    assert (ast.get_docstring(tree) or "").strip()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not _is_kernel(node):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


_COMPILERS = {"compiled", "inlined"}


def _is_kernel(node: ast.FunctionDef) -> bool:
    """A compiled loop is as long as its loop."""
    return any(
        ast.unparse(decorator) in _COMPILERS or "njit" in ast.unparse(decorator) for decorator in node.decorator_list
    )


@each_source
def test_nothing_is_unpickled_evaluated_or_run_by_a_shell(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & {"pickle", "marshal", "shelve", "subprocess"}
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in {"eval", "exec", "os.system", "yaml.load", "yaml.unsafe_load"}


def test_names_say_something() -> None:
    for path in [*SOURCES, *TESTS]:
        assert not {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & VAGUE, path


def test_tests_are_of_a_room_and_have_names_of_their_own() -> None:
    modules = [path for path in TESTS if path.name.startswith("test_")]
    names = [path.stem for path in modules]
    assert sorted(set(names)) == sorted(names)
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in modules if path.parent != ROOT / "tests"}
    assert folders <= ROOMS | {"bench", "docs", "proof"}


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    place = re.compile(rf"{re.escape(str(ROOT))}\b")
    for path in [*SOURCES, *TESTS, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        if path != Path(__file__):
            assert not place.search(path.read_text("utf-8")), path


def test_imports_go_down_and_rooms_are_strangers() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 our own command
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_map_of_the_house_names_every_room() -> None:
    text = _document("ARCHITECTURE.md")
    assert ROOMS - {"content"} == {room for room in ROOMS - {"content"} if re.search(rf"\b{room}\b", text)}
    for name in set(re.findall(r"src/rarebit/([\w/]+(?:\.py)?)", text)):
        assert (PACKAGE / name).exists(), name


def _document(name: str) -> str:
    found = [path for path in (ROOT / name, ROOT / "docs" / name) if path.exists()]
    assert found, f"there is no {name}"
    return found[0].read_text("utf-8")


DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})


def _commands(text: str) -> list[str]:
    blocks = re.findall(r"^```(?:console|sh|bash|shell)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ") for line in lines if line.strip().removeprefix("$ ").startswith("rarebit ")]


COMMANDS = [(path.name, line) for path in DOCUMENTS for line in _commands(path.read_text("utf-8"))]


@pytest.mark.parametrize(("name", "line"), COMMANDS or [("", "rarebit --version")])
def test_commands_of_the_documents_parse(name: str, line: str) -> None:
    import typer
    from typer.core import TyperGroup

    from rarebit.cli.main import app

    words = shlex.split(re.split(r"\s(?:\||>|2>|&&|;)\s?", line, maxsplit=1)[0], comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        word = words.pop(0)
        assert word in command.commands, f"{name}: {line}"
        command = command.commands[word]
    flags = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    flags |= {"--help"}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= flags, f"{name}: {line}"


def test_the_command_starts_without_heavy_libraries() -> None:
    probe = "import sys, rarebit; print(sorted({'pyarrow', 'duckdb', 'numba', 'deltalake'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
