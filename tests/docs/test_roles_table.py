"""The table of roles in the documents is that of the code."""

from pathlib import Path

from api.identity import ROLES, Scope

KEYS = (Path(__file__).parents[2] / "docs" / "operate" / "keys.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the rows of the table whose heading begins so, with the heading."""
    lines = KEYS[KEYS.index(f"\n| {heading} ") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if "|---" not in line]


def test_every_role_is_described():
    assert [row[0].partition("`")[0] for row in rows_of("role")[1:]] == list(ROLES)


def test_the_scopes_of_roles_are_those_of_the_code():
    heading, *rows = rows_of("scope")
    roles = heading[2:]
    assert roles == list(ROLES)
    assert [row[0] for row in rows] == [scope.value for scope in Scope]
    for scope, _, *cells in rows:
        assert cells == ["yes" if Scope(scope) in ROLES[role] else "–" for role in roles], scope
