"""Names that columns of claims files have, and what they mean."""

import re

ID = r"_?(id|no|num|number|nbr|key|code|ref|npi)"
OF_CLAIM = r"((clm|claim)_?)"
PERSON = r"((patient|member|insured|customer|client|policy_?holder|beneficiary|person|driver|holder)_?)"
NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Our field, and the names others use, the most specific first; each is matched with the whole name.
    ("claim_id", (rf"(claim|clm){ID}", rf"(invoice|record|transaction|tx|trans|encounter|bill){ID}", "claim", "id")),
    ("replaces", (rf"(original|orig|replaced|adjusted|reversed)_?(claim|clm){ID}",)),
    ("line", (r"(claim_)?line_?(number|no|num|nbr)",)),
    ("label", (r"(is_?)?(potential_?)?fraud(ulent)?(_?(flag|label|ind|indicator|reported|found|yn|status))?",
               r"(?!.*(scenario|type|kind|category|score|prob|date|reason|amount)).*fraud.*",
               "label|target|class|y|outcome", r"(is_?)?(suspicious|anomaly|anomalous|confirmed)(_?(flag|claim))?",
               r"fraud_?(type|kind|category|class)")),
    ("label_kind", (r"fraud_?(type|kind|category)",)),
    ("label_source", (r"(label|fraud|investigation)_?(source|origin|stated_?by)",)),
    ("label_known_at", (r"(label|fraud|investigation)_?(known|closed|confirmed|decided)?_?(date|dt|at|on)",)),
    ("received_at", (r".*(receiv|rcvd|submi|filed|filing|lodg|reported).*", r"(claim|billing|bill|invoice)_?(date|dt)",
                     r"date_?of_?claim|date|timestamp|(tx|trans|transaction)_?(datetime|date|time|timestamp|dt)")),
    ("service_from", (r"(date_?of_?service|dos)(_?(from|start))?",
                      r".*(service|srvc|svc|treatment|visit).*(date|dt|from|start).*",
                      r"(date_?(and_?time_?)?of_?)(encounter|visit|treatment|admission|incident|accident|loss|event|service)",
                      r"(incident|accident|loss|event|encounter|occurrence|admission)_?(date|dt|datetime|on)",
                      r"(claim_?)?(start|from|begin)_?(date|dt)?", r"admi\w*_?(date|dt)")),
    ("service_to", (r".*(service|srvc|svc|treatment).*(end|to|thru|through).*",
                    r"(claim_?)?(end|to|thru|through)_?(date|dt)?",
                    r"discharge_?(date|dt)|date_?of_?discharge")),
    ("member_id", (rf"(member|patient|bene|beneficiary|insured|subscriber|enrollee){ID}",
                   r"(cc|(credit_?)?card|account|acct)_?(id|no|num|number|nbr)",
                   rf"(policy_?holder|policy|customer|person|client){ID}", "member|patient|beneficiary")),
    ("provider_id", (rf"(billing_?)?(provider|prvdr|prov){ID}", r"(billing|provider)_?npi|npi",
                     rf"(hospital|facility|clinic|doctor|physician|vendor|practice){ID}", r"rendering_?npi",
                     rf"(terminal|merchant|pharmacy|shop|store|garage|broker|agent|rep|representative|device){ID}",
                     "provider|hospital|facility|doctor")),
    ("procedure_code", (rf"{OF_CLAIM}?(procedure|proc|cpt|hcpcs)_?(code|cd)?(_?1)?",
                        r"(service|treatment|item)_?(code|cd)", r"(ms_?)?drg(_?code)?", "procedure|treatment")),
    ("diagnosis_code", (rf"{OF_CLAIM}?(principal_?|primary_?)?(diagnosis|diag|dx|icd(_?9|_?10)?)_?(code|cd)?(_?1)?",
                        r"icd_?(diagnosis|dgns|dx)_?(code|cd)?(_?1)?")),
    ("place_of_service", (r"place_?of_?service(_?(code|cd))?|pos(_?code)?",)),
    ("region", (r"(provider|hospital)_?(region|state|county|province|district|location)",
                r"region|state|county|province|district")),
    ("specialty", (r"(provider_?)?special(i)?ty(_?code)?", "department|provider_?type")),
    ("age_years", (rf"{PERSON}?age(_?(years|yrs))?",)),
    ("birth_date", (rf"{PERSON}?(birth_?date|date_?of_?birth|dob|birth_?day)",)),
    ("sex", (rf"{PERSON}?(sex|gender)",)),
    ("amount", (r"(claim(ed)?|bill(ed)?|charged?|submitted|total_?(claim|charge)?)_?(amount|amt|charges?|cost|value)",
                r"(total_?)?(amount|amt|charges?|cost)(_?(claimed|billed|charged|submitted))?", r".*(amount|amt).*",
                r"(total_?)?(claimed|billed|charged)")),
    ("units", (r"(service_?)?(units?|quantity|qty)(_?(quantity|count|of_service))?",)),
    ("lines", (r"(num(ber)?_?(of_)?)?lines|line_?(count|items)",)),
    ("benefit_limit", (r".*(benefit|coverage|policy).*(limit|max|maximum|ceiling)",)),
)  # fmt: skip

AFTERWARDS = (
    r"(^|_)(decision|disposition|outcome|resolution|adjudicat\w*|approv\w*|paid|payments?|pay_?out|payable|settle\w*|"
    r"den(ied|ials?)|reject\w*|appeal\w*|recover\w*|reimburs\w*|allowed|closed|closing|investigat\w*|fraud\w*|suspicious|"
    r"label|target|scenario|risk_?score|prediction|predicted|alert\w*)(_|$)|state_of_claim|"
    r"^((claims?|case|file|record|request|final|current|process(ing)?|review|audit|bill(ing)?|invoice|tx|trans|transaction)_)?"
    r"status(_(code|cd|date|dt|text|name|description))?$"
)
"""Of a column that is usually filled in when or after the claim is decided."""
BEFOREHAND = (
    r"(^|_)(prior|previous|prev|past|historical|history|premium|deductible|co_?pay\w*)(_|$)|"
    r"(^|_)payment_?(method|type|mode|means|channel|frequency|plan|currency)(_|$)"
)
"""Of a column that is known at receipt, although its name resembles those of `AFTERWARDS`."""
PERSONAL = (
    r"(^|_)(surname|(first|last|middle|given|family|full|maiden)_?name|address|street|phone|mobile|e_?mail|ssn|passport)(_|$)|"
    rf"^({PERSON}|(claimant|owner|contact|employee|user|account|card_?holder|doctor|physician|nurse)_?)?name(_|$)"
)
"""Of a column that identifies a person, or is about what does (`address_change`)."""
PROTECTED = r"(^|_)(sex|gender|race|ethnic\w*|religion|nationality|tribe|caste)(_|$)"
"""Of a column on a characteristic that a model may use only where the law allows it."""
PROVIDER_KEY = (
    r"(merchant|pharmacy|shop|store|garage|workshop|dealer|broker|agent|clinic|vendor|laboratory|institution|branch)"
    r"(_?name)?"
)
"""Of a column that is a key of providers where it has many values."""
MEMBER_KEY = r"policy|policy_?holder|insured|customer|client|subscriber|enrollee"
"""Of a column that is a key of members where it has many values, and else a kind of policy or person."""
FREQUENCY_CODE = rf"{OF_CLAIM}?(frequency|freq)(_?type)?(_?(code|cd))?"
"""Of a column that says whether a row is a claim, replaces one (7) or voids one (8)."""
KEY = r"(.*_)?(id|no|num|number|nbr|key|ref|reference|npi|uuid|guid)(_?\d{1,2})?"
"""Of a column that identifies persons, things or rows."""
CODE = r"(.*_)?(code|cd|zip|zip_?code|postcode|postal_?code|drg|icd(_?9|_?10)?|cpt|hcpcs)(_?\d{1,2})?"
"""Of a column of codes: like those of `KEY`, its numbers are names rather than quantities."""
NOT_AN_EVENT = r".*(birth|dob|policy|bind|effective|expir|enrol|hire|since|member|license|death).*"
"""Of a date that is not that of the claim."""
PARTS = (
    ("year", r"year|yr|(claim|accident|incident|service)_?year"),
    ("month", r"month|mon|(claim|accident|incident|service)_?month"),
    ("day", r"day|day_?of_?month"),
    ("week_of_month", r"week_?of_?month"),
)
"""Part of a date → names of its column."""
PART_TEXTS = {
    "year": r"(19|20)\d\d(\.0)?",
    "month": r"(?i)(0?[1-9]|1[0-2])(\.0)?|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*",
    "day": r"(0?[1-9]|[12]\d|3[01])(\.0)?",
    "week_of_month": r"[1-6](\.0)?",
}
"""Part of a date → its values."""


def known_afterwards(column: str) -> bool:
    """Whether a column is named like something known only when or after a claim is decided."""
    name = plain(column)
    return re.search(AFTERWARDS, name) is not None and re.search(BEFOREHAND, name) is None


def plain(column: str) -> str:
    """`"Is Fraud?"`, `"isFraud"` → `"is_fraud"`, `"IPAnnual"` → `"ip_annual"`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
