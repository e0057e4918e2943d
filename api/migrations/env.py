"""Alembic's way in: the URL passed by `api.database.upgrade`, else that of the settings.

Each revision is a transaction of its own, so that the locks of one do not last until the end of the chain.
"""

from alembic import context
from sqlalchemy import create_engine, func, make_url, pool, select

from api.appeals import tables as _appeals  # noqa: F401
from api.archives import tables as _archives  # noqa: F401
from api.assessments import tables as _assessments  # noqa: F401

# Every noun's tables, so that the metadata holds them all.
from api.audit import tables as _audit  # noqa: F401
from api.audit_archives import tables as _audit_archives  # noqa: F401
from api.bulk import tables as _bulk  # noqa: F401
from api.cases import tables as _cases  # noqa: F401
from api.catalog import tables as _catalog  # noqa: F401
from api.consents import tables as _consents  # noqa: F401
from api.console.access import tables as _console  # noqa: F401
from api.decisions import tables as _decisions  # noqa: F401
from api.edit_suspensions import tables as _edit_suspensions  # noqa: F401
from api.evidence import tables as _evidence  # noqa: F401
from api.field_keys import tables as _field_keys  # noqa: F401
from api.identity import tables as _identity  # noqa: F401
from api.intake import tables as _intake  # noqa: F401
from api.investigations import tables as _investigations  # noqa: F401
from api.leads import tables as _leads  # noqa: F401
from api.legal_holds import tables as _legal_holds  # noqa: F401
from api.members import tables as _members  # noqa: F401
from api.migrate import lock_timeout
from api.notifications import tables as _notifications  # noqa: F401
from api.oidc import tables as _oidc  # noqa: F401
from api.outbox import tables as _outbox  # noqa: F401
from api.policies import tables as _policies  # noqa: F401
from api.providers import tables as _providers  # noqa: F401
from api.registry import tables as _registry  # noqa: F401
from api.reports import tables as _reports  # noqa: F401
from api.request_signing import tables as _request_signing  # noqa: F401
from api.rescreening import tables as _rescreening  # noqa: F401
from api.retention import tables as _retention  # noqa: F401
from api.samples import tables as _samples  # noqa: F401
from api.serving_models import tables as _serving_models  # noqa: F401
from api.tables import Base
from api.tasks import tables as _tasks  # noqa: F401
from api.tokens import tables as _tokens  # noqa: F401
from api.users import tables as _users  # noqa: F401
from api.webhooks import tables as _webhooks  # noqa: F401


def _url() -> str:
    given: str | None = context.config.attributes.get("url")
    if given is not None:
        return given
    from core.servers import postgres_url
    from core.settings import settings

    return postgres_url(settings())


def _run() -> None:
    engine = create_engine(make_url(_url()).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(select(func.set_config("lock_timeout", lock_timeout(context.config), False)))
        connection.commit()  # or the revisions would be part of this transaction
        context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


_run()
