"""`ginja audit`: the audit log, searched, exported, verified and archived."""

from cli.audit_log.archive import archive
from cli.audit_log.commands import list_
from cli.audit_log.export import export, show
from cli.audit_log.verify import verify

__all__ = ["archive", "export", "list_", "show", "verify"]
