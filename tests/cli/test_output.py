"""Tables on standard output."""

from rich.table import Table

from cli.output import terminal


def test_a_table_printed_to_a_file_is_not_truncated(capsys):
    cell = "x" * 120
    shown = Table("name", "value")
    shown.add_row("a", cell)
    terminal().print(shown)
    assert cell in capsys.readouterr().out
