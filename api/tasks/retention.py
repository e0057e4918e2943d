"""Tasks that ended long ago are removed."""

from pydantic import JsonValue

from api.tasks import repository
from api.tasks.records import TakenTask
from api.tasks.services import TaskServices
from core import clock


async def remove_ended(services: TaskServices, _task: TakenTask) -> dict[str, JsonValue]:
    """Delete tasks that ended more than `KEEP_ENDED` ago; the result says how many."""
    async with services.database.transaction() as connection:
        removed = await repository.remove_ended(connection, clock.now() - repository.KEEP_ENDED)
    return {"removed": removed}
