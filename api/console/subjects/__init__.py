"""Pages about whom a claim concerns: providers, for the people who investigate."""

from api.console.subjects.routes import SubjectPages
from api.console.subjects.service import Subjects

__all__ = ["SubjectPages", "Subjects"]
