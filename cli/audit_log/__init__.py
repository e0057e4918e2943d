"""`ginja audit`: the audit log, searched and verified."""

from cli.audit_log.commands import list_
from cli.audit_log.verify import verify

__all__ = ["list_", "verify"]
