"""The reference of the promotion gates states the gates that are checked."""

from pathlib import Path

from pipelines.promote.gates import GATES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "gates.md"


def test_the_page_lists_every_gate_with_its_condition_in_order() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [f"| `{gate.name}` | {gate.description} |" for gate in GATES]
