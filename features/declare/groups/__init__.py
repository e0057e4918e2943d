"""Every aggregation group, in the order in which rows are read."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.groups.diagnosis import diagnosis, diagnosis_procedure
from features.declare.groups.member import member, member_procedure, member_provider, service
from features.declare.groups.peers import (
    demographic,
    procedure_demographic,
    procedure_region,
    procedure_specialty,
    specialty,
)
from features.declare.groups.procedure import procedure
from features.declare.groups.provider import provider, provider_day, provider_procedure

AGGREGATION_GROUPS: tuple[AggregationGroup, ...] = (
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
