"""Package surfaces whose names are imported on first use.

Importing a model or a registry takes seconds, so a package's `__init__` must not import all of its modules when a
command needs one exception class. The `__init__` lists its public names in an `if TYPE_CHECKING:` block, which type
checkers and import-linter read, and installs `lazy_exports(__name__, __file__)` as its `__getattr__` (PEP 562).
"""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def lazy_exports(package: str, init_file: str) -> Callable[[str], object]:
    """Return a `__getattr__` for `package` that imports what the `if TYPE_CHECKING:` block of `init_file` names.

    An exported name must differ from the name of every module of the package: importing such a module would replace it.
    """
    modules = _exporting_modules(Path(init_file))

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return get


def _exporting_modules(init_file: Path) -> dict[str, str]:
    """Public name → module that defines it."""
    guarded = (
        node
        for node in ast.parse(init_file.read_text()).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return {
        alias.name: statement.module
        for block in guarded
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }
