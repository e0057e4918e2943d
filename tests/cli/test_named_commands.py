"""Every `ginja …` command that a message, a page or a document names is a command of the tree, by its listed name."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import main
from cli.tree import COMMANDS, TreeGroup

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(?<![\w./-])ginja((?: [a-z][a-z0-9-]*)+)([^`\"'\n|;&)]*)")
OPTION = re.compile(r"(?<!\S)--[a-z][a-z0-9-]*")
LISTS_OTHER_SPELLINGS = {
    "CHANGELOG.md",
    "cli/tree.py",
    "docs/adr/0125-command-tree.md",
    "docs/reference/cli.md",
    "tests/cli/test_named_commands.py",
}
"""They state which other spellings exist."""


def named_commands() -> Iterator[tuple[str, list[str], str]]:
    """Place, words and the rest of the line of every command that a tracked file names."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.html", "*.ipynb", "*.toml", "*.yml", "Makefile", "deploy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listed.splitlines():
        if name in LISTS_OTHER_SPELLINGS or not (ROOT / name).is_file():
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1):
            for match in NAMED.finditer(line):
                yield f"{name}:{number}", match[1].split(), match[2]


def called(words: list[str]) -> click.Command | None:
    """The listed command or group that the first words name; None: no listed one, or a group and a word not in it."""
    command: click.Command = main
    for position, word in enumerate(words):
        if not isinstance(command, click.Group):
            break
        context = click.Context(command)
        found = command.get_command(context, word) if word in listed_in(command, words[:position]) else None
        if found is None:
            return None
        command = found
    return command


def listed_in(group: click.Group, path: list[str]) -> set[str]:
    """The names in a group, without other spellings."""
    depth = len(path)
    paths = [entry.path.split() for entry in COMMANDS]
    return {words[depth] for words in paths if words[:depth] == path and len(words) > depth}


def test_every_named_command_is_a_listed_command() -> None:
    unknown = [f"{place}: ginja {' '.join(words)}" for place, words, _ in named_commands() if called(words) is None]
    assert unknown == []


def test_every_named_option_belongs_to_its_command() -> None:
    undeclared = []
    for place, words, rest in named_commands():
        command = called(words)
        if command is None:
            continue
        if isinstance(command, TreeGroup) and command.default is not None:  # its options are those of a command
            command = called([*words, command.default]) or command
        declared = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        undeclared += [f"{place}: {' '.join(words)} {option}" for option in set(OPTION.findall(rest)) - declared]
    assert undeclared == []


def test_other_spellings_and_unknown_words_are_not_listed_commands() -> None:
    assert called(["model", "train"]) is not None
    assert isinstance(called(["model"]), click.Group)
    assert [called(words) for words in (["train"], ["loop", "select"], ["model", "select"], ["nonsense"])] == [None] * 4
