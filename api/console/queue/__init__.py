"""The queue of investigators: leads in tabs, with filters, saved views and what is done with them."""

from api.console.queue.routes import QueuePages

__all__ = ["QueuePages"]
