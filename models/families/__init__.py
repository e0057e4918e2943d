"""Families of models behind one interface: trained on the same samples, stored in their native form, explained exactly.

family.py          `Family`, `Model`: what every family can do
xgboost_family.py lightgbm_family.py catboost_family.py   boosted trees, explained by tables
ebm.py logistic.py      sums of terms, which explain themselves
terms.py term_kernels.py   those terms: their file, margins and contributions
custom.py          the user's own, in shadow only
catalogue.py       the families by name, and a model's exact explanation
"""

from models.families.catalogue import (
    DEFAULT_FAMILY,
    FAMILIES,
    NATIVE_FILES,
    ModelExplainedBy,
    explained_by,
    explainer_of,
    family_of,
    is_factory,
)
from models.families.catboost_family import CatBoost, CatBoostModel
from models.families.custom import Custom, CustomEstimator, CustomModel
from models.families.ebm import Ebm
from models.families.family import INSTALL, Family, Fit, Model, OnRound, TrainingSample, installed
from models.families.lightgbm_family import LightGBM, LightGBMModel
from models.families.logistic import Logistic
from models.families.terms import AdditiveModel, CurveTerm, PairTerm, Terms
from models.families.xgboost_family import PredContribs, XGBoost, XGBoostModel

__all__ = [
    "DEFAULT_FAMILY",
    "FAMILIES",
    "INSTALL",
    "NATIVE_FILES",
    "AdditiveModel",
    "CatBoost",
    "CatBoostModel",
    "CurveTerm",
    "Custom",
    "CustomEstimator",
    "CustomModel",
    "Ebm",
    "Family",
    "Fit",
    "LightGBM",
    "LightGBMModel",
    "Logistic",
    "Model",
    "ModelExplainedBy",
    "OnRound",
    "PairTerm",
    "PredContribs",
    "Terms",
    "TrainingSample",
    "XGBoost",
    "XGBoostModel",
    "explained_by",
    "explainer_of",
    "family_of",
    "installed",
    "is_factory",
]
