"""Purposes of use: which of them need nothing of the member, which its consent, and to which it may object.

The one table of purposes that a request may state and that a consent may be about. Codes are those of HL7 v3 ActReason
(value set PurposeOfUse), but `MODELTRAIN`, for which HL7 has none. Rules are those of the HIPAA Privacy Rule (45 CFR
164, subpart E) and of Regulation (EU) 2016/679; which of them binds an insurer is for the insurer to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

HL7_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OWN_SYSTEM: Final = "urn:ginja:purpose"
TRAINING: Final = "MODELTRAIN"


class Need(Enum):
    """What a purpose needs of the member whose data are used."""

    NOTHING = "nothing"
    CONSENT = "consent"
    """A consent of the member for this purpose that is in force; without one its data are not shown."""
    NO_OBJECTION = "no_objection"
    """No objection of the member that is in force; without one its data are used."""


@dataclass(frozen=True, slots=True)
class PurposeOfUse:
    """One purpose, and the rules by which it needs what it needs."""

    display: str
    need: Need
    hipaa: str
    gdpr: str
    own_access: bool = False
    """Whether a member that reads about itself for this purpose needs nothing."""
    system: str = HL7_SYSTEM


_OPERATIONS: Final = "45 CFR 164.506(c): treatment, payment and health-care operations need no consent"
_AUTHORIZATION: Final = "45 CFR 164.508(a)(1): any other use needs an authorization, which 164.508(b)(5) lets revoke"
_EXPLICIT: Final = "Art. 9(2)(a): explicit consent, which Art. 7(3) lets withdraw at any time"

PURPOSES_OF_USE: Final[Mapping[str, PurposeOfUse]] = MappingProxyType(
    {
        "TREAT": PurposeOfUse("treatment", Need.NOTHING, _OPERATIONS, "Art. 9(2)(h): provision of health care"),
        "HPAYMT": PurposeOfUse(
            "healthcare payment", Need.NOTHING, _OPERATIONS, "Art. 6(1)(b), 9(2)(h): the contract of insurance"
        ),
        "HOPERAT": PurposeOfUse(
            "healthcare operations", Need.NOTHING, _OPERATIONS, "Art. 6(1)(b), 9(2)(h): management of health services"
        ),
        "FRAUD": PurposeOfUse(
            "fraud investigation",
            Need.NOTHING,
            "45 CFR 164.501, 164.506(c)(4)(ii): fraud and abuse detection is one of the health-care operations",
            "Art. 6(1)(f), 9(2)(f): legitimate interest, and the defence of legal claims",
        ),
        "PUBHLTH": PurposeOfUse(
            "public health", Need.NOTHING, "45 CFR 164.512(b): public health activities", "Art. 9(2)(i): public health"
        ),
        "HLEGAL": PurposeOfUse(
            "legal proceedings",
            Need.NOTHING,
            "45 CFR 164.512(a), (e): required by law, and judicial proceedings",
            "Art. 6(1)(c), 9(2)(f): a legal obligation, and legal claims",
        ),
        "HSYSADMIN": PurposeOfUse(
            "administration of the system", Need.NOTHING, _OPERATIONS, "Art. 6(1)(c), 32: security of processing"
        ),
        "BTG": PurposeOfUse(
            "break the glass",
            Need.NOTHING,
            "45 CFR 164.512(j): a serious and imminent threat to health or safety",
            "Art. 6(1)(d), 9(2)(c): vital interests",
        ),
        "PATRQT": PurposeOfUse(
            "request of the member",
            Need.CONSENT,
            f"{_AUTHORIZATION}; 164.524 and 164.502(a)(1)(i): the member itself needs none",
            f"{_EXPLICIT}; Art. 15: the member itself needs none",
            own_access=True,
        ),
        "FAMRQT": PurposeOfUse("request of the family", Need.CONSENT, _AUTHORIZATION, _EXPLICIT),
        "HRESCH": PurposeOfUse("healthcare research", Need.CONSENT, _AUTHORIZATION, _EXPLICIT),
        "HMARKT": PurposeOfUse(
            "healthcare marketing",
            Need.CONSENT,
            "45 CFR 164.508(a)(3): marketing needs an authorization",
            f"{_EXPLICIT}; Art. 21(2): and no objection",
        ),
        TRAINING: PurposeOfUse(
            "training of models that detect fraud",
            Need.NO_OBJECTION,
            "45 CFR 164.506(c): health-care operations; 164.522(a)(1): an insurer may agree to a restriction",
            "Art. 6(1)(f): legitimate interest, to which Art. 21(1) lets object",
            system=OWN_SYSTEM,
        ),
    }
)

WITH_RECORDS: Final = tuple(code for code, one in PURPOSES_OF_USE.items() if one.need is not Need.NOTHING)
"""Purposes about which a member says something: consents and objections are recorded for them."""
