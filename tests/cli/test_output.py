"""Tables on standard output."""

from rich.table import Table

from cli.output import terminal


def test_a_table_in_a_file_keeps_its_cells_whole(capsys):
    cell = "x" * 120
    shown = Table("name", "value")
    shown.add_row("a", cell)
    terminal().print(shown)
    assert cell in capsys.readouterr().out
