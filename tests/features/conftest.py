"""What tests of the updater and the online store share."""

from collections.abc import Iterator

import pytest

from tests.features.worlds import World


@pytest.fixture
def world(database_url: str, valkey_url: str) -> Iterator[World]:
    """A database, an online store and an updater of this test alone."""
    made = World(database_url, valkey_url)
    yield made
    made.close()
