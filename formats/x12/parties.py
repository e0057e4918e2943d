"""Who a claim is about and who bills it: the hierarchy (HL) of billing provider, subscriber and patient."""

from dataclasses import dataclass
from datetime import date

from formats.x12.problems import ProblemReport, SegmentPlace, X12Code
from formats.x12.tokens import Segment
from formats.x12.values import day, dependent_id, is_identifier

MAX_ID = 64
PROVIDER, SUBSCRIBER, DEPENDENT = "20", "22", "23"


@dataclass(slots=True)
class Party:
    """A person or organization as NM1, REF and DMG describe it."""

    segment: Segment | None = None
    place: SegmentPlace | None = None
    member_reference: str = ""
    """REF*1W of a dependent."""
    birth_date: date | None = None
    sex: str = ""

    @property
    def id(self) -> str:
        """NM109."""
        return "" if self.segment is None else self.segment.element(9)

    @property
    def name(self) -> tuple[str, str]:
        """Last name or organization, and first name."""
        return ("", "") if self.segment is None else (self.segment.element(3), self.segment.element(4))


@dataclass(slots=True)
class HierarchyLevel(ProblemReport):
    """One HL with what its segments say, and the levels above it. Its problems refuse every claim of the level."""

    code: str
    place: SegmentPlace
    provider: Party
    subscriber: Party
    dependent: Party | None = None
    _ids: tuple[str | None, str | None] | None = None

    @property
    def ids(self) -> tuple[str | None, str | None]:
        """Ids of the member and of the billing provider, found out once; a missing one is a problem of the level."""
        if self._ids is None:
            self._ids = self._member_id(), self._provider_id()
        return self._ids

    @property
    def patient(self) -> Party:
        """The person who was treated."""
        return self.dependent or self.subscriber

    def _provider_id(self) -> str | None:
        """The billing provider's NPI; adds a problem where there is none."""
        provider = self.provider
        if provider.place is None:
            self.problem(
                self.place,
                X12Code.MISSING_SEGMENT,
                "there is no NM1 segment of the billing provider (NM101 85) above the claim",
                "send the billing provider in its HL of level 20",
                segment_error="3",
            )
            return None
        return self._id(provider, "the billing provider has no identifier (NM109)", "send the provider's NPI")

    def _member_id(self) -> str | None:
        """The id of the member who was treated; adds a problem where there is none."""
        subscriber = self.subscriber
        if subscriber.place is None:
            self.problem(
                self.place,
                X12Code.MISSING_SEGMENT,
                "there is no NM1 segment of the subscriber (NM101 IL) above the claim",
                "send the subscriber in its HL of level 22",
                segment_error="3",
            )
            return None
        subscriber_id = self._id(subscriber, "the subscriber has no member id (NM109)", "send the member id")
        dependent = self.dependent
        if subscriber_id is None or dependent is None:
            return subscriber_id
        if dependent.member_reference:
            return dependent.member_reference
        if dependent.place is None or dependent.birth_date is None or dependent.sex not in ("F", "M"):
            self.problem(
                dependent.place or self.place,
                X12Code.MISSING_ELEMENT,
                "the patient is a dependent without an own member id (REF 1W), name, birth date and sex",
                "send NM1 QC with the first name and DMG with birth date and sex, or REF 1W",
                element_error="1",
            )
            return None
        return dependent_id(subscriber_id, dependent.birth_date, dependent.sex, dependent.name[1])

    def _id(self, party: Party, reason: str, remedy: str) -> str | None:
        assert party.place is not None
        place = SegmentPlace(party.place.segment, party.place.number, party.place.number_in_set, 9)
        if not party.id:
            self.problem(place, X12Code.MISSING_ELEMENT, reason, remedy, element_error="1")
            return None
        if not is_identifier(party.id, MAX_ID):
            reason = f"NM109 is not an identifier of at most {MAX_ID} printable ASCII characters"
            self.problem(place, X12Code.INVALID_TEXT, reason, remedy, element_error="6")
            return None
        return party.id


def describe(level: HierarchyLevel, segment: Segment, place: SegmentPlace) -> None:
    """Take a segment between HL and CLM into account."""
    if segment.name == "NM1":
        _name(level, segment, place)
    elif segment.name == "DMG":
        party = level.patient
        party.birth_date, party.sex = day(segment.element(2)), segment.element(3)
    elif segment.name == "REF" and level.dependent is not None and segment.element(1) == "1W":
        level.dependent.member_reference = segment.element(2)


def _name(level: HierarchyLevel, segment: Segment, place: SegmentPlace) -> None:
    party = {"85": level.provider, "IL": level.subscriber, "QC": level.dependent}.get(segment.element(1))
    if party is None:
        return
    if party.segment is None:
        party.segment, party.place = segment, place
    elif party.segment.elements == segment.elements:
        reason = "the segment is repeated; the repetition is ignored"
        level.note(place, X12Code.REPEATED_SEGMENT, reason, "send it once", segment_error="5")
    else:
        reason = "a second, different NM1 segment of the same party: it is unclear which one is meant"
        level.problem(place, X12Code.REPEATED_SEGMENT, reason, "send one, or open a new HL", segment_error="5")
