"""Every requirement has a line: where it is met in the code, and the test that shows it."""

import re
from pathlib import Path

import pytest

from benchmarks.security.requirements import PAGE, Requirement, requirements

ROOT = Path(__file__).parents[2]
ASVS = (Path(__file__).parent / "asvs_5_levels_1_and_2.txt").read_text().split()
"""Numbers of OWASP ASVS 5.0.0, levels 1 and 2."""
MORE = ["V4.1.5", "V7.5.3", "V11.3.4", "V14.2.7"]
"""Of level 3, required here as well."""
HIPAA = [
    *("164.312(a)(1)", "164.312(a)(2)(i)", "164.312(a)(2)(ii)", "164.312(a)(2)(iii)", "164.312(a)(2)(iv)"),
    *("164.312(b)", "164.312(c)(1)", "164.312(c)(2)", "164.312(d)", "164.312(e)(1)"),
    *("164.312(e)(2)(i)", "164.312(e)(2)(ii)"),
]
TESTS = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PLACES = re.compile(r"`([\w./-]+)`|\]\(([^)#]+)\)")


LINES = list(requirements())
each = pytest.mark.parametrize("line", LINES, ids=[one.number for one in LINES])


def test_every_requirement_has_one_line() -> None:
    assert sorted(one.number for one in LINES) == sorted([*ASVS, *MORE, *HIPAA])


@each
def test_a_line_has_a_test_or_says_what_is_missing(line: Requirement) -> None:
    if line.is_open:
        assert len(line.test) > len("**open**: ")
        return
    found = TESTS.findall(line.test)
    assert found
    for path, name in found:
        text = (ROOT / path).read_text()
        assert not name or re.search(rf"def {name}\(", text), f"{path} has no {name}"


@each
def test_what_a_line_names_exists(line: Requirement) -> None:
    assert line.text
    named = [code or link for code, link in PLACES.findall(line.where)]
    assert named
    for one in named:
        if "/" in one or one.endswith((".md", ".toml", ".yml")):
            assert (ROOT / one).exists() or (PAGE.parent / one).exists(), one


def test_the_page_counts_its_lines() -> None:
    count = sum(not one.is_open for one in LINES)
    assert f"{len(LINES)} requirements, {count} with a test, {len(LINES) - count} open" in PAGE.read_text()


def test_every_page_with_a_session_can_be_left() -> None:
    base = (ROOT / "api" / "console" / "templates" / "base.html").read_text()
    assert 'action="/console/sign-out"' in base


def test_the_threat_model_names_requirements_that_have_lines() -> None:
    page = (PAGE.parent / "threat-model.md").read_text()
    rows = [row for row in page.splitlines() if re.match(r"\| [STRIDE] \|", row)]
    named = [re.findall(r"V\d+\.\d+\.\d+", row.rsplit("|", 2)[1]) for row in rows]
    assert all(named)
    assert {one for numbers in named for one in numbers} <= {one.number for one in LINES}


def test_every_arrow_is_considered_by_each_kind_of_threat() -> None:
    page = (PAGE.parent / "threat-model.md").read_text()
    for arrow in page.split("\n### ")[1:]:
        assert {row[2] for row in arrow.splitlines() if re.match(r"\| [STRIDE] \|", row)} == set("STRIDE")


def test_the_sign_in_masks_what_is_secret_and_takes_what_is_pasted() -> None:
    page = (ROOT / "api" / "console" / "templates" / "sign_in.html").read_text()
    assert re.search(r'<input id="api_key"[^>]*type="password"', page)
    assert "onpaste" not in page
