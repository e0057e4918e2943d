"""Pages about whom a claim concerns: providers and members, for the people who investigate."""

from api.console.subjects.member_page import RevealedIdentity
from api.console.subjects.routes import SubjectPages
from api.console.subjects.service import Subjects

__all__ = ["RevealedIdentity", "SubjectPages", "Subjects"]
