"""`python -m cli.clients`: write every generated file."""

from pathlib import Path

from cli.clients.files import write

if __name__ == "__main__":
    write(Path(__file__).parents[2] / "clients")
