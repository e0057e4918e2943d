import numpy as np
import pytest
import xgboost as xgb
from scipy.special import expit

from models.errors import TrainingError
from models.families import TrainingSample, XGBoost
from tests.models import makers


def sample(rows: int = 300, *, seed: int = 0) -> TrainingSample:
    return TrainingSample(makers.vectors(rows, 6, seed), makers.labels(rows, 6, seed))


def test_the_booster_is_cut_where_the_evaluation_was_best():
    trained = makers.trained(depth=6, rounds=60)
    history = trained.history["evaluation"]
    assert trained.rounds == int(np.argmin(history)) + 1
    assert trained.model.booster.num_boosted_rounds() == trained.rounds < len(history)


def test_the_same_inputs_give_the_same_bytes_on_one_thread_or_two():
    raws = set()
    for threads in (1, 2, 2):
        family = XGBoost(rounds=15, depth=5, colsample=0.8, threads=threads)
        raws.add(family.fit(sample(), sample(seed=3), features=makers.names(6)).model.to_bytes())
    assert len(raws) == 1


def test_a_constrained_feature_never_lowers_the_margin():
    trained = makers.trained(monotone=("f3",))
    rows = makers.vectors(200, 12, seed=4).copy()
    grid = np.linspace(0, 30, 40, dtype=np.float32)
    margins = []
    for value in grid:
        rows[:, 3] = value
        matrix = xgb.DMatrix(rows, feature_names=list(makers.names(12)))
        margins.append(trained.model.booster.predict(matrix, output_margin=True))
    assert (np.diff(np.array(margins), axis=0) >= 0).all()


def test_weights_count_and_the_base_is_the_weighted_share_of_fraud():
    train = sample()
    weighted = TrainingSample(train.x, train.fraud, np.where(train.fraud, 3.0, 1.0))
    family = XGBoost(rounds=3, depth=2, threads=1)
    plain = family.fit(train, train, features=makers.names(6)).model.margins(train.x)
    heavy = family.fit(weighted, train, features=makers.names(6)).model.margins(train.x)
    assert expit(heavy).mean() > expit(plain).mean() * 1.5


def test_every_round_is_reported_and_may_stop_the_training():
    seen: list[tuple[int, float]] = []

    def stop_at_four(number: int, loss: float) -> bool:
        seen.append((number, loss))
        return number == 4

    XGBoost(rounds=50, threads=1).fit(sample(), sample(seed=3), features=makers.names(6), on_round=stop_at_four)
    assert [number for number, _ in seen] == [0, 1, 2, 3, 4]
    assert all(loss > 0 for _, loss in seen)


def broken(**change: object) -> TrainingSample:
    good = sample()
    return TrainingSample(**{"x": good.x, "fraud": good.fraud, "weights": None, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (broken(fraud=np.zeros(300, bool)), "0 frauds"),
        (broken(fraud=np.ones(300, bool)), "300 frauds"),
        (broken(fraud=np.full(300, np.nan)), "bool"),
        (broken(fraud=np.zeros(299, bool)), "different number"),
        (broken(x=np.full((300, 6), np.inf, np.float32)), "infinity in f0"),
        (broken(x=np.zeros((300, 5), np.float32)), "6 features"),
        (broken(x=np.zeros((300, 6))), "float64"),
    ],
)
def test_samples_that_cannot_train_are_refused_with_the_reason(bad, message):
    with pytest.raises(TrainingError, match=message):
        XGBoost().fit(bad, sample(), features=makers.names(6))


@pytest.mark.parametrize("monotone", [{"f9": 1}, {"f1": 2}, {"f1": 0}])
def test_constraints_on_unknown_features_or_without_direction_are_refused(monotone):
    with pytest.raises(TrainingError, match="monotone"):
        XGBoost().fit(sample(), sample(), features=makers.names(6), monotone=monotone)
