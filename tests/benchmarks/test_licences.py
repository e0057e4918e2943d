"""The licences of the product's packages: all are known and allowed, and what is not is refused."""

from pathlib import Path

import pytest

from benchmarks.supply_chain.licences import (
    LicencePolicy,
    PackageLicence,
    is_allowed,
    licence_of,
    problems,
    product_packages,
    read_policy,
)

POLICY = LicencePolicy(frozenset({"MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"}), {}, {})


def test_every_package_of_the_product_has_an_allowed_licence() -> None:
    policy = read_policy()
    found = [licence_of(one.name.lower().replace("_", "-").replace(".", "-"), policy) for one in product_packages()]
    assert {"sqlalchemy", "mlflow", "catboost"} <= {one.package for one in found}
    assert list(problems(found, policy)) == []


def test_nothing_is_allowed_or_stated_that_no_package_needs() -> None:
    policy = read_policy()
    found = [licence_of(one.name.lower().replace("_", "-").replace(".", "-"), policy) for one in product_packages()]
    assert set(policy.stated) <= {one.package for one in found}
    for licence in policy.allowed:
        without = LicencePolicy(policy.allowed - {licence}, policy.spellings, policy.stated)
        assert list(problems(found, without)) or any(licence in str(one.expression) for one in found), licence


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", True),
        ("(MIT AND GPL-3.0-only) OR AGPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0", False),
    ],
)
def test_an_expression_is_fulfilled_by_what_is_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, POLICY.allowed) is allowed
    found = [PackageLicence("one", "1.0", expression, "expression")]
    assert list(problems(found, POLICY)) == [] if allowed else "not allowed" in next(iter(problems(found, POLICY)))


@pytest.mark.parametrize("expression", ["Unheard-Of-1.0", "MIT OR Unheard-Of-1.0", "MIT AND Unheard-Of-1.0", "MIT OR"])
def test_an_expression_with_a_licence_that_spdx_does_not_have_is_not_allowed(expression: str) -> None:
    assert is_allowed(expression, POLICY.allowed) is False
    found = [PackageLicence("one", "1.0", expression, "stated")]
    assert "not allowed" in next(iter(problems(found, POLICY)))


def test_an_expression_with_a_licence_that_is_not_in_the_list_is_not_allowed_by_the_others() -> None:
    assert not is_allowed("0BSD", POLICY.allowed)
    assert is_allowed("MIT OR 0BSD", POLICY.allowed), "the choice is free"
    assert not is_allowed("Apache-2.0 WITH Classpath-exception-2.0", POLICY.allowed)


def installed(folder: Path, name: str, *lines: str) -> None:
    place = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, ""]))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("License: see the file LICENSE",),
        ("License-Expression: LicenseRef-Proprietary",),
        ("Classifier: License :: Other/Proprietary License",),
        ("Classifier: License :: OSI Approved :: MIT License", "Classifier: License :: Other/Proprietary License"),
    ],
)
def test_a_licence_that_cannot_be_read_is_refused(
    lines: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "odd-package", *lines)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = licence_of("odd-package", POLICY)
    assert found.expression is None
    assert "no licence that can be read" in next(iter(problems([found], POLICY)))


def test_an_allow_list_with_an_unknown_licence_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "licences.toml"
    file.write_text('allowed = ["MIT", "Anything"]\n[spellings]\n[stated]\n')
    with pytest.raises(ValueError, match="Anything"):
        read_policy(file)
