"""`ginja dossier`: what an examiner asks, answered from the records as of a day.

commands.py    the commands
collected.py   what is read: database, home, MLflow
models.py training.py monitoring.py people.py operation.py  the sections
answers.py cells.py  what they build with
document.py    the file as data
page.py charts.py    the file as a page
assembly.py files.py  the folder, its manifest and verification
"""

from cli.dossier.commands import verify, write

__all__ = ["verify", "write"]
