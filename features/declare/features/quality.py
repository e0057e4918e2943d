"""What was missing when the claim was scored."""

from claims.reason_groups import GroupCode
from features.declare.agreement import MORE_THAN_TYPICAL
from features.declare.feature import Feature

QUALITY: tuple[Feature, ...] = (
    Feature(
        name="missing_views",
        type="integer",
        unit="count",
        aggregation_group="claim",
        window="-",
        group=GroupCode.DATA_COMPLETENESS,
        meaning="Aggregation groups without a readable row or whose key the claim lacks; their features are missing.",
        code="missing_views",
        agrees=MORE_THAN_TYPICAL,
        raises="What is known of {value} of the claim's entities was missing",
        compute=lambda x: x.missing_groups,
        null_share=0.0,
    ),
)
