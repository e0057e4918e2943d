"""Claims with their decisions, exported as a stream."""

from api.exports.places import ExportPlaces

__all__ = ["ExportPlaces"]
