"""The families by name, and the exact explanation of a model of any of them."""

from typing import Literal, TypeAlias

from claims.scoring import ExplainedBy
from models.errors import FamilyError, UnsupportedBoosterError
from models.explain import Additive, LeafTables, tables_of
from models.families.catboost_family import CatBoost
from models.families.custom import SPEC, Custom
from models.families.ebm import Ebm
from models.families.family import Family, Model
from models.families.lightgbm_family import LightGBM
from models.families.logistic import Logistic
from models.families.xgboost_family import PredContribs, XGBoost

DEFAULT_FAMILY = XGBoost()
FAMILIES: tuple[Family, ...] = (DEFAULT_FAMILY, LightGBM(), CatBoost(), Ebm(), Logistic())
"""Each with its default parameters."""
NATIVE_FILES = tuple(dict.fromkeys((*(family.file for family in FAMILIES), Custom.file)))
"""Names of files that hold a model in its native form."""
ModelExplainedBy: TypeAlias = ExplainedBy | Literal["none"]
"""Where the contributions of a model come from; none: it has none, so it serves in shadow only."""


def family_of(spec: str) -> Family:
    """The family that `--model` or a document names, with default parameters. Raises `FamilyError`."""
    if is_factory(spec):
        return Custom(factory=spec)
    found = {one.name: one for one in FAMILIES}
    if spec not in found:
        known = ", ".join(found)
        raise FamilyError(f"no family of models named {spec!r}; available: {known}, or package.module:factory")
    return found[spec]


def is_factory(spec: str) -> bool:
    """Whether it names a factory, `package.module:factory`, whose module is imported to train or load a model."""
    return SPEC.fullmatch(spec) is not None


def explainer_of(model: Model) -> Additive | None:
    """Exact contributions of a model: from tables where it has trees that these support, else its own.

    None: it has none, so it serves in shadow only.
    """
    try:
        trees = model.ensemble()
        if trees is not None:
            return tables_of(trees)
    except UnsupportedBoosterError:
        pass
    return model.additive()


def explained_by(explainer: Additive | None) -> ModelExplainedBy:
    """How a model is explained, as its document and its scores state it."""
    if explainer is None:
        return "none"
    if isinstance(explainer, LeafTables):
        return "tables"
    return "pred_contribs" if isinstance(explainer, PredContribs) else "terms"
