"""Leakage: a feature that reveals the label is refused before a model is trained."""

import numpy as np
import pytest

from pipelines.train import LeakageError
from pipelines.train.leakage import refuse_leakage, single_feature_auc


def sample(rows: int = 2000):
    rng = np.random.default_rng(0)
    fraud = rng.random(rows) < 0.05
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    x[:, 1] += fraud  # a legitimate signal
    return x, fraud


def test_legitimate_features_pass_and_their_auc_is_returned():
    x, fraud = sample()
    found = refuse_leakage(x, fraud, ("a", "b", "c"))
    assert found[0].feature == "b"
    assert 0.6 < found[0].auc < 0.9


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_copy_of_the_label_is_detected_in_either_direction(sign):
    x, fraud = sample()
    x[:, 2] = sign * (fraud + np.random.default_rng(1).normal(scale=0.05, size=len(fraud)))
    with pytest.raises(LeakageError, match="feature c alone ranks"):
        refuse_leakage(x, fraud, ("a", "b", "c"))


def test_a_feature_that_is_missing_only_for_clean_claims_is_refused():
    x, fraud = sample()
    x[~fraud, 0] = np.nan
    with pytest.raises(LeakageError, match="by whether it is missing"):
        refuse_leakage(x, fraud, ("a", "b", "c"))


def test_a_field_known_only_after_the_decision_is_refused_by_its_name():
    x, fraud = sample()
    with pytest.raises(LeakageError, match="recovered_cents is known only after"):
        refuse_leakage(x, fraud, ("a", "recovered_cents", "c"))


def test_a_perfect_ranking_of_a_few_present_values_is_not_leakage():
    x, fraud = sample()
    x[:, 2] = np.nan
    x[np.flatnonzero(fraud)[:2], 2] = 1.0
    x[np.flatnonzero(~fraud)[:2], 2] = 0.0
    found = {(one.feature, one.missing): one.auc for one in single_feature_auc(x, fraud, ("a", "b", "c"))}
    assert found["c", False] < 0.6


def test_an_amount_far_above_its_peers_may_identify_fraud_unless_the_amount_itself_leaks():
    x, fraud = sample()
    x[:, 2] = fraud + np.random.default_rng(1).normal(scale=0.05, size=len(fraud))
    names = ("a", "amount", "amount_to_procedure_mean")
    assert refuse_leakage(x, fraud, names)[0].feature == "amount_to_procedure_mean"
    with pytest.raises(LeakageError, match="amount_to_procedure_mean"):
        refuse_leakage(x, fraud, ("a", "b", "amount_to_procedure_mean"))
    x[:, 1] = x[:, 2]
    with pytest.raises(LeakageError, match="feature amount"):
        refuse_leakage(x, fraud, names)


def test_a_feature_that_cannot_be_measured_is_refused_and_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    x[:, 1] = np.nan
    with pytest.raises(LeakageError, match="cannot be measured for b"):
        refuse_leakage(x, np.arange(400) % 5 == 0, ("a", "b"))


@pytest.mark.parametrize("label", [True, False])
def test_claims_of_one_class_cannot_be_checked(label):
    with pytest.raises(LeakageError, match="one class"):
        refuse_leakage(np.ones((400, 1), dtype=np.float32), np.full(400, label), ("a",))


def test_a_column_without_a_name_cannot_be_checked():
    with pytest.raises(LeakageError, match="1 features for 2 columns"):
        refuse_leakage(np.ones((400, 2), dtype=np.float32), np.arange(400) % 5 == 0, ("a",))
