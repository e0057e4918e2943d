"""The models that served claims, in their order, as the worker saw them."""

from api.serving_models.tables import ServingModelRow
from api.serving_models.watch import ModelWatch

__all__ = ["ModelWatch", "ServingModelRow"]
