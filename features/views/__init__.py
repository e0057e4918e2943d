"""Every entity whose past is kept, in the order in which states are read; one file each."""

from features.state import Entity
from features.views.diagnosis import diagnosis, diagnosis_procedure
from features.views.member import member, member_procedure, member_provider, service
from features.views.peers import demographic, procedure_demographic, procedure_region, procedure_specialty, specialty
from features.views.procedure import procedure
from features.views.provider import provider, provider_day, provider_procedure

ENTITIES: tuple[Entity, ...] = (
    member,
    provider,
    procedure,
    member_provider,
    member_procedure,
    service,
    provider_procedure,
    provider_day,
    procedure_region,
    procedure_specialty,
    specialty,
    diagnosis,
    diagnosis_procedure,
    demographic,
    procedure_demographic,
)
