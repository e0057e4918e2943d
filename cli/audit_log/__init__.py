"""`ginja audit`: the audit log, searched, exported and verified."""

from cli.audit_log.commands import list_
from cli.audit_log.export import export, show
from cli.audit_log.verify import verify

__all__ = ["export", "list_", "show", "verify"]
