"""Feast is imported without the checks that typeguard compiles on import; other libraries keep theirs."""

import subprocess
import sys

import pytest
import typeguard

from features.feast.runtime_checks import runtime_checks_off

PROGRAM = """
import features.feast
from feast import Entity, FeatureService, FeatureView, Field, FileSource
checked = [one.__name__ for one in (Entity, FeatureService, FeatureView, Field, FileSource)
           if any(name.startswith("check_") for name in one.__init__.__code__.co_names)]
print(checked)
"""


def double(number: int) -> int:
    return 2 * number


def test_feasts_classes_carry_no_compiled_checks() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_checks_are_off_within_the_block_only() -> None:
    with runtime_checks_off():
        assert typeguard.typechecked(double) is double
    with pytest.raises(typeguard.TypeCheckError):
        typeguard.typechecked(double)("2")


def test_checks_are_on_again_after_a_failed_import() -> None:
    with pytest.raises(ImportError), runtime_checks_off():
        raise ImportError
    with pytest.raises(typeguard.TypeCheckError):
        typeguard.typechecked(double)("2")
