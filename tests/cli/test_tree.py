"""What holds for every command of the tree."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.command import Command, Group
from cli.main import main
from cli.tree import COMMANDS, EXAMPLES, GROUPS, SECTIONS, TreeGroup, load

PATHS = [entry.path for entry in COMMANDS]
SPELLINGS = [(spelling, entry) for entry in COMMANDS for spelling in entry.spellings]


def walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every listed command and group below `group`, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, (path, name)
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


TREE = dict(walk(main))
LEAVES = {path: command for path, command in TREE.items() if not isinstance(command, click.Group)}
GROUPS_OF_TREE = {path: command for path, command in TREE.items() if isinstance(command, click.Group)}


def run(home: Path, *words: str):
    return CliRunner().invoke(main, list(words), env={"GINJA_HOME": str(home)})


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words call, and what is left of them."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest:
        if rest[0].startswith("-"):  # options alone are those of the default command
            if not isinstance(command, TreeGroup) or command.default is None:
                break
            rest.insert(0, command.default)
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, words
        command, rest = found, rest[1:]
    return command, rest


def test_the_tree_is_the_table():
    assert sorted(LEAVES) == sorted(PATHS)
    assert sorted(GROUPS_OF_TREE) == sorted(GROUPS)
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(
        main.list_commands(click.Context(main))
    )


@pytest.mark.parametrize("path", sorted(TREE))
def test_help_has_a_summary_and_an_example_and_every_option_is_explained(path, tmp_path):
    command = TREE[path]
    shown = run(tmp_path, *path.split(), "--help")
    assert shown.exit_code == 0
    assert command.help
    assert command.help.splitlines()[0].endswith((".", ":"))
    assert isinstance(command, Command | Group)
    assert command.examples
    assert "Examples:" in shown.output
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


@pytest.mark.parametrize(
    ("path", "example"),
    [(path, example) for path, command in TREE.items() for example in command.examples]
    + [("", example) for example in EXAMPLES],
)
def test_every_example_is_a_command_line_that_is_accepted(path, example, tmp_path):
    import shlex

    for part in example.split("&&"):
        words = [word for word in shlex.split(part.partition(">")[0]) if not word.startswith("GINJA_")]
        assert words.pop(0) == "ginja"
        command, rest = find(words)
        assert not isinstance(command, click.Group)
        if path in LEAVES:
            assert command is LEAVES[path]
        declared = {option for parameter in command.params for option in parameter.opts}
        assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= declared


@pytest.mark.parametrize("path", sorted(LEAVES))
def test_every_command_has_json_and_one_name_for_each_idea(path):
    options = {option: parameter for parameter in LEAVES[path].params for option in parameter.opts}
    assert "--json" in options
    assert not {"--why", "--reviews-a-week", "--version", "--user", "--who", "--data-set"} & set(options)
    for name in ("--port", "--metrics-port"):
        if name in options:
            assert options[name].type.to_info_dict()["max"] == 65_535
    for parameter in LEAVES[path].params:
        assert isinstance(parameter, click.Option) or parameter.name not in ("version", "model")


@pytest.mark.parametrize("path", ["", *sorted(TREE)])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_wrong_argument_exits_2_with_one_line_and_creates_nothing(path, as_json, tmp_path):
    wrong = "--nonsense" if path in LEAVES else "nonsense"
    done = run(tmp_path, *path.split(), wrong, *(["--json"] if as_json else []))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []
    if as_json:
        error = json.loads(done.stderr)["error"]
        assert (error["type"], error["exit_code"]) == ("usage", 2)
        assert "nonsense" in error["message"]
    else:
        assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize(("spelling", "entry"), SPELLINGS, ids=lambda value: value if isinstance(value, str) else "-")
def test_the_other_spellings_call_the_same_command_and_are_not_listed(spelling, entry, tmp_path):
    command, rest = find(spelling.split())
    assert command is load(entry)
    assert rest == []
    shown = run(tmp_path, "--help").output
    listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ")}
    assert spelling.split()[0] not in listed - {"data", "model", "run", "review"}
    helped = run(tmp_path, *spelling.split(), "--help")
    assert f"Usage: ginja {spelling}" in helped.output or f"Usage: main {spelling}" in helped.output


def test_a_group_that_exists_only_as_another_spelling_lists_its_commands(tmp_path):
    shown = run(tmp_path, "loop", "--help")
    assert shown.exit_code == 0
    assert all(name in shown.output for name in ("select", "record", "judge", "simulate"))


def test_a_misspelt_command_gets_the_nearest_name(tmp_path):
    assert "Did you mean 'model'?" in run(tmp_path, "modle").stderr
    assert "Did you mean 'promote'?" in run(tmp_path, "model", "promot").stderr


def test_options_alone_call_the_default_command_of_a_group(tmp_path):
    assert find(["dossier", "--as-of", "2026-09-30"])[0] is find(["dossier", "write"])[0]
    done = run(tmp_path, "dossier", "--as-of", "June")
    assert done.exit_code == 2
    assert "Invalid value for '--as-of'" in done.stderr
    for words in (["dossier", "--help"], ["dossier", "-h"]):
        assert "Commands:" in run(tmp_path, *words).output


def test_without_a_command_the_help_is_shown(tmp_path):
    for words in ([], ["model"]):
        shown = run(tmp_path, *words)
        assert shown.exit_code == 2
        assert "Examples:" in shown.stderr
