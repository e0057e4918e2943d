"""Celery over Valkey: how tasks get from the table to the processes that carry them out.

A message holds the id of a task and nothing else, as JSON. The broker may lose messages and deliver them twice: the
table says which tasks are open, and a task is carried out by the process that takes its row.

Celery is imported where it is used: neither the API nor the command line needs it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

from redis import RedisError

from api.tasks.kinds import LONGEST_KILL_S, QUEUES, TASK_KINDS
from api.tasks.records import DueTask

if TYPE_CHECKING:
    from celery import Celery

KEY_PREFIX: Final = "ginja-tasks:"
"""Of every key that Celery writes, beside those of the online store."""
_TIMEOUT_S: Final = 2.0
_REDELIVERY_S: Final = 2


def celery_app(redis_url: str) -> "Celery":
    """The Celery application over a Valkey; connects to nothing."""
    from celery import Celery
    from kombu.entity import Queue

    app = Celery("ginja", broker=_verifying(redis_url), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_create_missing_queues=False,
        task_default_queue=next(iter(QUEUES)),
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            "queue_order_strategy": "priority",
            # A task that runs longer than this is delivered twice, so it is longer than any.
            "visibility_timeout": LONGEST_KILL_S * 2,
            # Without these two, Celery redelivers nothing for minutes after a worker was killed.
            "unacked_restore_interval": _REDELIVERY_S,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": _TIMEOUT_S,
            "socket_timeout": _TIMEOUT_S * 5,
            "health_check_interval": 10,
        },
        enable_utc=True,
    )
    return app


def _verifying(redis_url: str) -> str:
    """The URL for Celery: with its name of Unix sockets, and with Valkey's certificate required.

    For `rediss` Celery would otherwise accept any, unlike redis-py.
    """
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return urlunsplit(parts._replace(scheme="redis+socket", query=f"virtual_host={database}"))
    if parts.scheme != "rediss" or "ssl_cert_reqs" in parse_qs(parts.query):
        return redis_url
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, "ssl_cert_reqs=required")))))


class TaskBroker:
    """The broker, as the worker uses it. Its calls block, and raise `OSError` where the broker is unavailable."""

    def __init__(self, app: "Celery") -> None:
        self._app = app

    def waiting(self) -> Mapping[str, int]:
        """Messages of each queue that no process has fetched."""
        from kombu.exceptions import OperationalError

        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=_TIMEOUT_S)
                channel = connection.default_channel
                return {name: int(channel.queue_declare(name, passive=False).message_count) for name in QUEUES}
        except (OperationalError, RedisError, OSError) as error:
            raise ConnectionError(f"the broker of tasks is unavailable ({type(error).__name__})") from error

    def publish(self, queue: str, tasks: Sequence[DueTask]) -> None:
        """Pass tasks to the broker, in their order."""
        from kombu.exceptions import OperationalError

        try:
            with self._app.connection_for_write() as connection:
                producer = self._app.amqp.Producer(connection, auto_declare=False)
                for one in tasks:
                    self._app.send_task(
                        one.kind,
                        args=[one.task_id],
                        task_id=one.task_id,
                        queue=queue,
                        producer=producer,
                        retry=False,
                        ignore_result=True,
                        time_limit=TASK_KINDS[one.kind].kill_s,
                    )
        except (OperationalError, RedisError, OSError) as error:
            raise ConnectionError(f"the broker of tasks is unavailable ({type(error).__name__})") from error
