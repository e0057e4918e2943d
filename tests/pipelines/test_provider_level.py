"""The provider-level evaluation: no provider in both slices, no leaked label, and metrics above the baseline."""

import numpy as np
import pytest
import scipy.sparse as sp

from core.settings import settings
from pipelines.provider_level import ProviderLevelError, read
from pipelines.provider_level.aggregates import FAMILIES, PLAIN, aggregate
from pipelines.provider_level.cross_validation import FOLDS, REPEATS, FoldScores, SortedScores, folds, score_folds
from pipelines.provider_level.network import Graph, neighbour_labels


@pytest.fixture(scope="module")
def data():
    folder = settings().data_dir / "provider_fraud"
    if not folder.exists():
        pytest.skip(f"the real data are not in {folder}; set GINJA_DATA_DIR")
    return read(folder)


def test_every_provider_is_tested_once_in_each_repeat_and_never_in_the_training_of_the_same_fold():
    fraud = np.arange(500) % 5 == 0
    parts = folds(fraud)
    assert len(parts) == FOLDS * REPEATS
    for repeat in range(REPEATS):
        mine = parts[repeat * FOLDS : (repeat + 1) * FOLDS]
        assert sorted(np.concatenate([fold.test for fold in mine])) == list(range(500))
    assert all(not set(fold.train) & set(fold.test) for fold in parts)


def test_neighbours_labels_are_those_of_training_providers_and_never_ones_own():
    ties = sp.csr_matrix(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]], dtype=float))
    graph = Graph(3, ties, ties, np.ones(3))
    train = np.array([0, 1])
    once = neighbour_labels(graph, np.array([True, False, False]), train)
    test_label_flipped = neighbour_labels(graph, np.array([True, False, True]), train)
    own_label_flipped = neighbour_labels(graph, np.array([False, False, False]), train)
    assert (once == test_label_flipped).all()
    assert once[0, 0] == own_label_flipped[0, 0]  # provider 0's own neighbours are as they were
    assert once[2, 0] == 1.0  # it is tied to provider 0, known to be fraudulent


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(ProviderLevelError, match=r"has no Train-\*\.csv"):
        read(tmp_path)


def test_the_real_set_has_the_known_size(data):
    assert len(data.providers) == 2092
    assert data.fraud.mean() == pytest.approx(0.2103, abs=1e-4)
    assert len(PLAIN) == 18
    names = [*PLAIN, *(name for family in FAMILIES.values() for name in family)]
    assert len(names) == len(set(names))


def test_more_aggregates_beat_the_amount_alone_on_the_first_folds(data):
    parts = folds(data.fraud)[:2]
    x = np.column_stack([aggregate(data, PLAIN), *(aggregate(data, family) for family in FAMILIES.values())])
    ours = score_folds("model", lambda train: x, data.fraud, parts, rounds=60, seeds=(0,))
    amount = FoldScores("amount", tuple(x[fold.test, 1] for fold in parts))
    ones = np.ones(len(data.fraud))
    assert SortedScores(ours, data.fraud, parts).auc(ones) > SortedScores(amount, data.fraud, parts).auc(ones)
    assert SortedScores(ours, data.fraud, parts).ap(ones) > 0.6
