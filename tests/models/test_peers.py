"""The honest claims of a model's specialties."""

import numpy as np
import pytest

from models.artefact import PEERS, load_artefact, write_artefact
from models.errors import ArtefactCorruptError
from models.explain import HonestPeers, build_tables, choose_peers, peers_to_bytes, read_peers
from models.explain.peers import MAX_ALL_PEERS, MAX_PEERS, MIN_PEERS
from models.families import XGBoostModel
from tests.models import makers

FEATURES = 12


def some_peers() -> HonestPeers:
    rows = makers.vectors(50, FEATURES, seed=5)
    return HonestPeers(np.array(["cardiology", "surgery"]), np.array([0, 40, 50]), rows)


def test_peers_of_a_specialty_are_its_rows():
    peers = some_peers()
    assert np.array_equal(peers.of("cardiology"), peers.rows[:40], equal_nan=True)
    assert np.array_equal(peers.of("surgery"), peers.rows[40:], equal_nan=True)


@pytest.mark.parametrize("specialty", [None, "", "aviation", "dentistry", "zoology"])
def test_another_specialty_has_no_peers(specialty):
    assert some_peers().of(specialty) is None


def test_honest_claims_are_chosen_by_specialty_evenly_over_time():
    specialties = ["a"] * 3 * MAX_PEERS + ["b"] * (MIN_PEERS - 1) + [None] * 100
    honest = np.arange(len(specialties)) % 3 > 0
    chosen = choose_peers(specialties, honest)
    assert list(chosen) == ["a"]
    assert len(chosen["a"]) == MAX_PEERS
    assert honest[chosen["a"]].all()
    assert chosen["a"][0] < 10
    assert chosen["a"][-1] > 3 * MAX_PEERS - 10


def test_many_specialties_share_the_room():
    specialties = [f"s{i:02}" for i in range(40)] * MAX_PEERS
    chosen = choose_peers(specialties, np.ones(len(specialties), dtype=bool))
    assert {len(places) for places in chosen.values()} == {MAX_ALL_PEERS // 40}


def test_peers_round_trip_through_their_file_bit_for_bit():
    raw = peers_to_bytes(some_peers())
    assert peers_to_bytes(read_peers(raw, features=FEATURES)) == raw


@pytest.mark.parametrize(
    "change",
    [
        {"first": np.array([0, 40, 60])},
        {"first": np.array([0, 0, 50])},
        {"first": np.array([0, 50])},
        {"rows": np.zeros((50, 11), np.float32)},
        {"rows": np.zeros((50, FEATURES))},
        {"specialties": np.array(["surgery", "cardiology"])},
        {"specialties": np.array([1, 2])},
    ],
)
def test_a_file_of_peers_that_does_not_fit_is_refused(change):
    peers = {name: getattr(some_peers(), name) for name in ("specialties", "first", "rows")}
    with pytest.raises(ValueError, match="peers"):
        read_peers(peers_to_bytes(HonestPeers(**(peers | change))), features=FEATURES)


def test_an_artefact_keeps_its_peers_and_refuses_others(tmp_path):
    booster = makers.booster()
    tables = build_tables(booster)
    folder, _ = write_artefact(
        tmp_path,
        model=XGBoostModel(booster),
        document=makers.document(booster, tables),
        tables=tables,
        peers=some_peers(),
    )
    peers = load_artefact(folder).peers
    assert peers is not None
    assert np.array_equal(peers.rows, some_peers().rows, equal_nan=True)
    makers.rewrite(folder, PEERS, b"not a file of peers")
    with pytest.raises(ArtefactCorruptError, match=PEERS):
        load_artefact(folder)
