"""Read the trees of an XGBoost booster."""

import json
from typing import NotRequired, TypedDict

import numpy as np
import xgboost as xgb

from models.errors import UnsupportedBoosterError
from models.explain.trees import BinaryTree, TreeEnsemble


class _Tree(TypedDict):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    sum_hessian: list[float]
    split_type: NotRequired[list[int]]
    tree_param: dict[str, str]


class _Trees(TypedDict):
    trees: list[_Tree]
    tree_info: list[int]
    weight_drop: NotRequired[list[float]]


class _GradientBooster(TypedDict):
    name: str
    model: _Trees


class _Learner(TypedDict):
    gradient_booster: _GradientBooster
    learner_model_param: dict[str, str]


class _Document(TypedDict):
    """XGBoost's JSON, as far as it is read here."""

    learner: _Learner


def read_booster(booster: xgb.Booster) -> TreeEnsemble:
    """Base margin, number of features and trees, from XGBoost's JSON.

    Every round counts, so cut it at its best iteration first. Splits at plus or minus infinity are splits like any
    other. Raises `UnsupportedBoosterError` for anything but one-output trees with numeric splits.
    """
    learner = _document(booster)["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise UnsupportedBoosterError(f"only gbtree is supported, not {learner['gradient_booster']['name']}")
    model = learner["gradient_booster"]["model"]
    if any(weight != 1 for weight in model.get("weight_drop", ())):  # how dart is written from XGBoost 3.4 on
        raise UnsupportedBoosterError("boosters with dropped trees are not supported")
    shape = learner["learner_model_param"]
    if int(shape.get("num_class", 0)) > 1 or int(shape.get("num_target", 1)) > 1 or any(model["tree_info"]):
        raise UnsupportedBoosterError("only boosters with one output are supported")
    trees = []
    for t in model["trees"]:
        if any(t.get("split_type", ())) or int(t["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise UnsupportedBoosterError("categorical splits and vector leaves are not supported")
        trees.append(
            BinaryTree(
                t["left_children"],
                t["right_children"],
                t["split_indices"],
                t["split_conditions"],
                t["default_left"],
                t["sum_hessian"],
            )
        )
    if not trees:
        raise UnsupportedBoosterError("the booster has no trees")
    features = int(shape["num_feature"])
    return TreeEnsemble(_base_margin(booster, features), features, trees)


def _document(booster: xgb.Booster) -> _Document:
    document: _Document = json.loads(bytes(booster.save_raw("json")))
    return document


def _base_margin(booster: xgb.Booster, features: int) -> float:
    """The margin before any tree: the booster's prediction with one round whose leaves are set to zero.

    Computed by XGBoost so that the bits agree. Its link function bounds `base_score` and takes a 32-bit
    logarithm, whose last bit differs from NumPy's for about one score in five.
    """
    document = _document(booster[:1])
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [
            0.0 if left == -1 else threshold
            for left, threshold in zip(tree["left_children"], tree["split_conditions"], strict=True)
        ]
    flat = xgb.Booster({"nthread": 1})
    flat.load_model(bytearray(json.dumps(document).encode()))
    row = np.full((1, features), np.nan, dtype=np.float32)
    return float(flat.inplace_predict(row, predict_type="margin", validate_features=False)[0])
