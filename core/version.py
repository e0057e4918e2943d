"""The version of Ginja; the build reads it from here, so nothing depends on how the package was installed."""

__version__ = "0.1.0"
