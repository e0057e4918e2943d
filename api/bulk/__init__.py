"""Claims in bulk: files are uploaded in parts, and a worker submits their claims one by one."""

from api.bulk.processing import BulkProcessor
from api.bulk.service import BulkUploads

__all__ = ["BulkProcessor", "BulkUploads"]
