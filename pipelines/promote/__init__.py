"""Promotion by gates, rollback, and the audit trail of both."""
