"""Tables on standard output."""

import re
from pathlib import Path

import pytest
from rich.table import Table

from cli.output import terminal
from cli.progress import console


def test_a_table_printed_to_a_file_is_not_truncated(capsys):
    cell = "x" * 120
    shown = Table("name", "value")
    shown.add_row("a", cell)
    terminal().print(shown)
    assert cell in capsys.readouterr().out


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "ann+[a]@x.example", ":warning:", r"\[a]"])
def test_text_in_a_table_a_title_and_a_line_is_printed_as_it_is(text, capsys):
    shown = Table("name", text, title=text, caption=text)
    shown.add_row(text, "")
    terminal().print(shown)
    terminal().print(text)
    console().print(text)
    printed = capsys.readouterr()
    assert (printed.out.count(text), printed.err.count(text)) == (5, 1)


def test_every_console_of_a_command_is_one_that_prints_text_as_it_is():
    cli = Path(__file__).parents[2] / "cli"
    found = {str(one.relative_to(cli)) for one in cli.rglob("*.py") if re.search(r"\bConsole\(", one.read_text())}
    assert found == {"output.py", "progress.py"}
