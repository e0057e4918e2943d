"""Configuration of the documentation site; `make docs` builds it (docs/adr/0126-documentation-site.md)."""

from importlib.metadata import version as installed_version

project = "Ginja"
author = "the Ginja contributors"
copyright = "the Ginja contributors, Apache-2.0"  # noqa: A001 (the name Sphinx reads)
version = release = installed_version("ginja-claims")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"
html_title = "Ginja"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sphinx = False
