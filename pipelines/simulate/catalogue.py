"""The simulated insurer's catalogue: specialties, regions, plans, procedures, diagnoses. Every code is invented."""

from dataclasses import dataclass

SPECIALTIES: tuple[str, ...] = (
    "general_practice",
    "internal_medicine",
    "pediatrics",
    "obstetrics",
    "orthopedics",
    "cardiology",
    "dermatology",
    "ophthalmology",
    "radiology",
    "laboratory",
    "dentistry",
    "physiotherapy",
    "psychiatry",
    "surgery",
    "pharmacy",
    "emergency",
)

SPECIALTY_VOLUME: dict[str, float] = {"general_practice": 2.0, "pharmacy": 1.6, "laboratory": 0.8, "surgery": 0.7}
"""How many providers a specialty has against the usual one."""

OPEN_AT_WEEKENDS = frozenset({"emergency", "pharmacy", "surgery"})
"""Specialties that treat on Saturdays and Sundays as on other days."""

REGIONS: tuple[tuple[str, float, float], ...] = (
    # name, share of members, price level
    ("Capital", 0.34, 1.22),
    ("Coast", 0.22, 1.06),
    ("Highlands", 0.18, 0.92),
    ("Lakes", 0.16, 0.88),
    ("North", 0.10, 0.80),
)

PLANS: tuple[tuple[str, str, int, float], ...] = (
    # id, name, yearly limit in cents, share of members
    ("PL1", "Basic", 10_000_00, 0.30),
    ("PL2", "Standard", 30_000_00, 0.40),
    ("PL3", "Plus", 75_000_00, 0.22),
    ("PL4", "Premium", 200_000_00, 0.08),
)


@dataclass(frozen=True, slots=True)
class SimulatedProcedure:
    """One billable service. `spread` is the sigma of the log of its price; `stay` the mean nights."""

    code: str
    name: str
    specialties: tuple[str, ...]
    cost: float
    spread: float = 0.25
    place: str = "11"
    units: int = 1
    """Most units on one claim."""
    stay: int = 0
    sex: str | None = None
    ages: tuple[int, int] = (0, 130)
    upcoded: str | None = None
    """The more expensive code that upcoding bills instead."""


@dataclass(frozen=True, slots=True)
class SimulatedDiagnosis:
    """One illness: how common, at what age (`peak`, `width` in years), in which season, and what is done for it."""

    code: str
    name: str
    procedures: tuple[tuple[str, float], ...]
    weight: float
    sex: str | None = None
    ages: tuple[int, int] = (0, 130)
    peak: float = 45
    width: float = 40
    winter: float = 0.0
    """How much commoner at mid-winter than on average."""
    chronic: bool = False


def _p(code: int, name: str, specialties: str, cost: float, **rest: object) -> SimulatedProcedure:
    upcoded = rest.pop("upcoded", None)
    target = f"P{upcoded:03d}" if upcoded else None
    return SimulatedProcedure(f"P{code:03d}", name, tuple(specialties.split()), cost, upcoded=target, **rest)  # type: ignore[arg-type]


def _d(code: int, name: str, weight: float, procedures: dict[int, float], **rest: object) -> SimulatedDiagnosis:
    listed = tuple((f"P{procedure:03d}", share) for procedure, share in procedures.items())
    return SimulatedDiagnosis(f"D{code:03d}", name, listed, weight, **rest)  # type: ignore[arg-type]


PROCEDURES: tuple[SimulatedProcedure, ...] = (
    _p(1, "Knee arthroscopy", "orthopedics", 3400, place="24", ages=(12, 130), upcoded=2),
    _p(2, "Knee replacement", "orthopedics", 14500, place="21", stay=4, ages=(35, 130)),
    _p(3, "Cast for a fracture", "orthopedics emergency", 420),
    _p(4, "Orthopedic visit, brief", "orthopedics", 110, upcoded=5),
    _p(5, "Orthopedic visit, long", "orthopedics", 230),
    _p(6, "Joint injection", "orthopedics", 190, units=3),
    _p(10, "General visit, brief", "general_practice", 45, upcoded=12),
    _p(11, "General visit, standard", "general_practice", 80, upcoded=13),
    _p(12, "General visit, long", "general_practice", 140, upcoded=13),
    _p(13, "General visit, complex", "general_practice", 240),
    _p(14, "Wound dressing", "general_practice emergency", 60, units=3),
    _p(15, "Vaccination, adult", "general_practice pharmacy", 55, ages=(16, 130)),
    _p(16, "Health check, yearly", "general_practice", 210, ages=(18, 130)),
    _p(17, "Minor excision", "general_practice dermatology", 320, upcoded=62),
    _p(20, "Internal medicine visit", "internal_medicine", 150, upcoded=21),
    _p(21, "Internal medicine visit, complex", "internal_medicine", 290),
    _p(22, "Endoscopy of the stomach", "internal_medicine", 980, place="22", ages=(10, 130), upcoded=23),
    _p(23, "Colonoscopy", "internal_medicine", 1350, place="22", ages=(16, 130)),
    _p(24, "Dialysis session", "internal_medicine", 260, spread=0.1, place="22", units=3),
    _p(25, "Infusion, per hour", "internal_medicine", 180, place="22", units=8, spread=0.3),
    _p(30, "Child visit", "pediatrics general_practice", 75, ages=(0, 17), upcoded=31),
    _p(31, "Child visit, complex", "pediatrics", 165, ages=(0, 17)),
    _p(32, "Vaccination, child", "pediatrics", 60, units=3, ages=(0, 17)),
    _p(33, "Newborn care, per day", "pediatrics", 420, place="21", units=6, stay=2, ages=(0, 1)),
    _p(40, "Antenatal visit", "obstetrics", 95, sex="F", ages=(12, 55), upcoded=41),
    _p(41, "Antenatal ultrasound", "obstetrics", 210, sex="F", ages=(12, 55)),
    _p(42, "Delivery", "obstetrics", 4100, place="21", stay=2, sex="F", ages=(12, 55), upcoded=43),
    _p(43, "Caesarean section", "obstetrics", 7200, place="21", stay=4, sex="F", ages=(12, 55)),
    _p(44, "Gynecological visit", "obstetrics", 120, sex="F", ages=(12, 130)),
    _p(45, "Hysterectomy", "obstetrics", 6800, place="21", stay=3, sex="F", ages=(20, 130)),
    _p(50, "Cardiology visit", "cardiology", 190, upcoded=52),
    _p(51, "Electrocardiogram", "cardiology emergency general_practice", 70, upcoded=52),
    _p(52, "Echocardiogram", "cardiology", 480, place="22"),
    _p(53, "Coronary stent", "cardiology", 16500, place="21", stay=3, ages=(30, 130), spread=0.35),
    _p(54, "Holter, 24 hours", "cardiology", 310),
    _p(60, "Skin visit", "dermatology", 115, upcoded=61),
    _p(61, "Skin biopsy", "dermatology", 290, units=3),
    _p(62, "Skin excision with repair", "dermatology surgery", 720),
    _p(63, "Light therapy session", "dermatology", 85, units=3, spread=0.12),
    _p(70, "Eye examination", "ophthalmology", 90, upcoded=71),
    _p(71, "Retinal imaging", "ophthalmology", 220),
    _p(72, "Cataract surgery", "ophthalmology", 2600, place="24", ages=(35, 130)),
    _p(73, "Glasses and fitting", "ophthalmology", 240, spread=0.4),
    _p(80, "X-ray", "radiology emergency", 120, place="22", upcoded=82),
    _p(81, "Ultrasound", "radiology", 190, place="22", upcoded=82),
    _p(82, "CT scan", "radiology", 560, place="22", upcoded=83),
    _p(83, "MRI scan", "radiology", 1150, place="22", spread=0.3),
    _p(84, "Mammography", "radiology", 230, place="22", sex="F", ages=(30, 130)),
    _p(90, "Blood count", "laboratory", 32, place="81", upcoded=92),
    _p(91, "Metabolic panel", "laboratory", 48, place="81", upcoded=92),
    _p(92, "Extended panel", "laboratory", 165, place="81", upcoded=93),
    _p(93, "Genetic panel", "laboratory", 1400, place="81", spread=0.35),
    _p(94, "Urine analysis", "laboratory", 25, place="81", upcoded=91),
    _p(95, "Prostate antigen", "laboratory", 60, place="81", sex="M", ages=(30, 130)),
    _p(100, "Dental check", "dentistry", 70, upcoded=101),
    _p(101, "Filling", "dentistry", 150, units=4, upcoded=102),
    _p(102, "Root canal", "dentistry", 620, units=2, upcoded=103),
    _p(103, "Crown", "dentistry", 980, units=3, ages=(16, 130)),
    _p(104, "Braces, instalment", "dentistry", 340, spread=0.1, ages=(8, 35)),
    _p(110, "Physiotherapy session", "physiotherapy", 70, units=6, spread=0.12, upcoded=111),
    _p(111, "Physiotherapy, individual, long", "physiotherapy", 125, units=6, spread=0.12),
    _p(112, "Rehabilitation assessment", "physiotherapy", 160),
    _p(120, "Psychotherapy, 30 minutes", "psychiatry", 85, spread=0.12, upcoded=121),
    _p(121, "Psychotherapy, 60 minutes", "psychiatry", 160, spread=0.12),
    _p(122, "Psychiatric evaluation", "psychiatry", 280),
    _p(130, "Appendectomy", "surgery", 5200, place="21", stay=2),
    _p(131, "Hernia repair", "surgery", 3900, place="22", stay=1, ages=(1, 130), upcoded=132),
    _p(132, "Gallbladder removal", "surgery", 6100, place="21", stay=2, ages=(12, 130)),
    _p(133, "Hospital day, general ward", "surgery internal_medicine", 520, place="21", units=12, stay=3, upcoded=134),
    _p(134, "Hospital day, intensive care", "surgery", 2100, place="21", units=10, stay=4),
    _p(135, "Prostate resection", "surgery", 4800, place="21", stay=2, sex="M", ages=(40, 130)),
    _p(140, "Dispensing, generic", "pharmacy", 28, place="01", units=4, spread=0.45, upcoded=141),
    _p(141, "Dispensing, branded", "pharmacy", 95, place="01", units=4, spread=0.45),
    _p(142, "Dispensing, controlled pain relief", "pharmacy", 75, place="01", units=4, spread=0.3, ages=(16, 130)),
    _p(143, "Insulin, month's supply", "pharmacy", 130, place="01", units=3, spread=0.2),
    _p(144, "Inhaler", "pharmacy", 62, place="01", units=2, spread=0.2),
    _p(150, "Emergency visit, minor", "emergency", 210, place="23", upcoded=151),
    _p(151, "Emergency visit, major", "emergency", 640, place="23", upcoded=152),
    _p(152, "Emergency visit, critical", "emergency", 1500, place="23", spread=0.35),
    _p(153, "Ambulance transport", "emergency", 450, place="41", spread=0.3),
)

COMPANIONS: tuple[tuple[str, float], ...] = (
    ("P090", 5), ("P091", 5), ("P094", 3), ("P080", 3), ("P081", 2), ("P140", 8), ("P141", 3), ("P092", 1), ("P082", 1),
)  # fmt: skip
"""What often accompanies another claim of the same day, billed by someone else."""

DIAGNOSES: tuple[SimulatedDiagnosis, ...] = (
    _d(1, "Damage inside the knee", 1.0, {1: 3, 4: 4, 5: 2, 83: 2, 110: 4, 6: 1}, ages=(12, 130), peak=45, width=20),
    _d(2, "Arthritis of the knee", 1.6, {2: 0.5, 4: 3, 6: 3, 80: 2, 110: 4, 142: 1.2}, ages=(35, 130), peak=68,
       width=14, chronic=True),
    _d(3, "Fracture of the forearm", 0.9, {3: 4, 80: 3, 150: 2, 4: 2, 112: 1}, peak=15, width=40, winter=0.2),
    _d(4, "Low back pain", 2.6, {110: 6, 111: 1, 11: 4, 4: 1.5, 142: 1.6, 80: 1, 83: 0.5}, ages=(14, 130), peak=48,
       width=18, chronic=True),
    _d(10, "Common cold", 6.0, {10: 7, 11: 4, 30: 4, 140: 5}, peak=20, width=40, winter=0.8),
    _d(11, "Influenza", 2.5, {11: 6, 12: 2, 30: 3, 140: 4, 150: 0.6}, peak=30, width=45, winter=1.2),
    _d(12, "Pneumonia", 0.8, {80: 3, 133: 1.5, 12: 3, 140: 2, 151: 1, 134: 0.15}, peak=70, width=35, winter=0.8),
    _d(13, "Infection of the urinary tract", 1.6, {94: 4, 11: 4, 140: 4, 20: 1}, peak=50, width=30),
    _d(14, "Routine examination", 3.4, {16: 5, 91: 2, 90: 2, 15: 1.5, 95: 0.4}, ages=(18, 130), peak=55, width=30),
    _d(15, "Open wound", 1.4, {14: 5, 150: 2, 17: 0.6}, peak=25, width=40),
    _d(20, "High blood pressure", 3.6, {20: 4, 11: 4, 140: 6, 91: 3, 51: 1}, ages=(20, 130), peak=62, width=16,
       chronic=True),
    _d(21, "Diabetes", 2.8, {20: 4, 143: 5, 91: 3, 92: 0.6, 71: 1, 11: 2}, ages=(8, 130), peak=60, width=18,
       chronic=True),
    _d(22, "Kidney failure", 0.5, {24: 14, 20: 2, 92: 1, 133: 0.6}, ages=(15, 130), peak=66, width=15, chronic=True),
    _d(23, "Gastritis", 1.5, {20: 4, 22: 1.3, 140: 4, 11: 3}, ages=(10, 130), peak=48, width=22),
    _d(24, "Polyp of the colon", 0.7, {23: 5, 20: 2, 92: 0.5}, ages=(30, 130), peak=60, width=14),
    _d(25, "Anemia", 0.8, {25: 2, 90: 4, 20: 3, 140: 2}, peak=45, width=30),
    _d(30, "Well-child visit", 2.6, {32: 5, 30: 5}, ages=(0, 17), peak=2, width=6),
    _d(31, "Inflammation of the ear", 1.8, {30: 6, 31: 1, 140: 4}, ages=(0, 17), peak=4, width=5, winter=0.5),
    _d(32, "Newborn", 0.25, {33: 5, 31: 2}, ages=(0, 1), peak=0, width=1),
    _d(33, "Asthma", 1.8, {144: 5, 30: 1.5, 11: 2, 20: 2, 150: 0.6}, peak=20, width=30, winter=0.3, chronic=True),
    _d(40, "Pregnancy, supervision", 1.7, {40: 6, 41: 2.5, 90: 2, 94: 2}, sex="F", ages=(14, 50), peak=30, width=6),
    _d(41, "Delivery of a child", 0.4, {42: 4, 43: 1.6}, sex="F", ages=(14, 50), peak=30, width=6),
    _d(42, "Disorder of menstruation", 0.9, {44: 5, 81: 2, 45: 0.15}, sex="F", ages=(12, 60), peak=38, width=12),
    _d(43, "Screening of the breast", 0.8, {84: 5, 44: 2}, sex="F", ages=(35, 130), peak=58, width=10),
    _d(50, "Coronary disease", 1.2, {50: 4, 51: 3, 52: 1.5, 53: 0.2, 140: 4, 54: 0.6}, ages=(30, 130), peak=68,
       width=12, chronic=True),
    _d(51, "Irregular heartbeat", 0.9, {50: 3, 51: 3, 54: 2, 141: 2}, ages=(18, 130), peak=68, width=16),
    _d(52, "Chest pain", 0.9, {51: 4, 151: 2, 152: 0.4, 50: 2, 80: 1, 153: 0.4}, ages=(18, 130), peak=58, width=18),
    _d(60, "Eczema", 1.3, {60: 4, 140: 4, 63: 1.5, 30: 1}, peak=15, width=35),
    _d(61, "Growth of the skin", 0.9, {60: 3, 61: 2.5, 17: 2, 62: 1}, ages=(12, 130), peak=60, width=20),
    _d(62, "Psoriasis", 0.5, {63: 5, 60: 2, 141: 3}, ages=(10, 130), peak=48, width=18, chronic=True),
    _d(70, "Disorder of refraction", 1.6, {70: 5, 73: 4}, ages=(4, 130), peak=40, width=30),
    _d(71, "Cataract", 0.6, {72: 2, 70: 4, 71: 2}, ages=(40, 130), peak=72, width=10),
    _d(72, "Glaucoma", 0.5, {70: 4, 71: 3, 141: 3}, ages=(30, 130), peak=68, width=12, chronic=True),
    _d(80, "Headache", 1.3, {11: 4, 82: 0.6, 83: 0.4, 20: 1.5, 140: 3}, ages=(6, 130), peak=38, width=18),
    _d(81, "Pain of the abdomen", 1.5, {81: 3, 12: 2, 151: 1.2, 82: 1, 90: 2}, peak=38, width=28),
    _d(90, "Caries", 2.2, {100: 3, 101: 5, 102: 1}, ages=(3, 130), peak=35, width=25),
    _d(91, "Disease of the tooth pulp", 0.8, {102: 4, 103: 2, 100: 1}, ages=(10, 130), peak=45, width=18),
    _d(92, "Misplaced teeth", 0.5, {104: 6, 100: 1}, ages=(8, 30), peak=14, width=4),
    _d(100, "Recovery after an operation", 0.9, {110: 6, 112: 1.5, 111: 1, 14: 1}, ages=(8, 130), peak=58, width=20),
    _d(110, "Depression", 1.5, {120: 4, 121: 3, 122: 1, 140: 4}, ages=(12, 130), peak=42, width=18, chronic=True),
    _d(111, "Anxiety", 1.2, {120: 4, 121: 3, 11: 2, 140: 3}, ages=(8, 130), peak=34, width=16),
    _d(120, "Appendicitis", 0.2, {130: 4, 151: 2, 82: 1}, peak=22, width=16),
    _d(121, "Hernia", 0.35, {131: 4, 12: 1, 81: 1}, ages=(1, 130), peak=55, width=20),
    _d(122, "Gallstones", 0.35, {132: 3, 81: 3, 152: 0.4}, ages=(14, 130), peak=52, width=16),
    _d(123, "Enlarged prostate", 0.6, {135: 0.5, 95: 3, 20: 3, 140: 3}, sex="M", ages=(40, 130), peak=70, width=10),
    _d(124, "Severe infection", 0.15, {134: 2, 133: 3, 152: 1.5, 153: 1}, peak=72, width=20, winter=0.3),
    _d(130, "Injury from an accident", 1.1, {150: 3, 151: 2, 80: 3, 14: 2, 153: 0.5, 82: 0.4}, peak=28, width=30),
    _d(131, "Cancer, under treatment", 0.5, {25: 5, 20: 2, 83: 0.8, 93: 0.3, 92: 2}, ages=(5, 130), peak=66, width=14,
       chronic=True),
)  # fmt: skip
