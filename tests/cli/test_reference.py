"""The generated pages are those of the code as it is."""

from pathlib import Path

import pytest

from cli.exit_codes import MEANINGS, ExitCode, type_of
from cli.reference import pages
from cli.tree import COMMANDS
from core.settings import Settings, variable

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_current(name):
    assert (FOLDER / name).read_text() == pages()[name], "run `make reference`"


def test_the_reference_pages_list_every_command_setting_and_exit_code():
    written = pages()
    assert all(f"# ginja {entry.path}\n" in written["cli.md"] for entry in COMMANDS)
    assert all(f"`{variable(name)}`" in written["settings.md"] for name in Settings.model_fields)
    assert set(MEANINGS) == set(ExitCode)
    assert all(f"| {int(code)} |" in written["exit-codes.md"] for code in ExitCode)


def test_an_exit_code_that_is_not_in_the_table_counts_as_failed():
    assert type_of(77) == "failed"
