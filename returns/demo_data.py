"""What the demo's two shops sell, who works there, and what has gone wrong lately."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "demo-password-2026"  # noqa: S105  printed on the demo's start page on purpose


@dataclass(frozen=True, slots=True)
class Thing:
    sku: str
    asin: str
    title: str
    minor: int


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    code: str
    name: str
    currency: str
    zone: str
    gateway: str
    language: str = "en"
    auto_authorise: str = "manual"


@dataclass(frozen=True, slots=True)
class ShopSpec:
    slug: str
    name: str
    zone: str
    address: dict[str, str]
    channels: tuple[ChannelSpec, ...]
    things: tuple[Thing, ...]


ACME = ShopSpec(
    slug="acme",
    name="Acme Home & Garden",
    zone="Europe/London",
    address={
        "name": "Acme Returns",
        "line1": "Unit 4, Mill Lane",
        "line2": "",
        "city": "Leeds",
        "region": "West Yorkshire",
        "postcode": "LS1 4AB",
        "country": "GB",
        "phone": "+44 113 496 0123",
    },
    channels=(
        ChannelSpec("amazon.co.uk", "Amazon.co.uk", "GBP", "Europe/London", "sandbox"),
        ChannelSpec("amazon.de", "Amazon.de", "EUR", "Europe/Berlin", "stripe", language="de"),
        ChannelSpec("acme.example", "Acme's own shop", "GBP", "Europe/London", "manual", auto_authorise="policy"),
    ),
    things=(
        Thing("LANT-40-BR", "B07XLNT40B", "Lantern, brass, 40 cm", 1339),
        Thing("OIL-1L", "B07XOIL01L", "Lamp oil, 1 l", 595),
        Thing("KETT-17", "B08KETT17S", "Kettle, 1.7 l, steel", 2490),
        Thing("HOSE-25", "B09HOSE25M", "Garden hose, 25 m", 3299),
        Thing("SHEAR-P", "B09SHEARPR", "Pruning shears", 1875),
        Thing("POT-SET3", "B07POTSET3", "Flower pots, set of three", 2199),
        Thing("BLANK-WL", "B0BLANKWL1", "Wool blanket, grey", 5450),
    ),
)
GLOBEX = ShopSpec(
    slug="globex",
    name="Globex Electronics",
    zone="Europe/Berlin",
    address={
        "name": "Globex Retouren",
        "line1": "Lagerstraße 12",
        "line2": "",
        "city": "Leipzig",
        "region": "",
        "postcode": "04109",
        "country": "DE",
        "phone": "+49 341 000000",
    },
    channels=(
        ChannelSpec("amazon.de", "Amazon.de", "EUR", "Europe/Berlin", "sandbox", language="de"),
        ChannelSpec("amazon.co.uk", "Amazon.co.uk", "GBP", "Europe/London", "stripe"),
    ),
    things=(
        Thing("SD-128", "B07SD128GB", "Flash card, 128 GB", 1499),
        Thing("USB-C-2M", "B08USBC2ML", "USB-C cable, 2 m", 899),
        Thing("HEAD-BT", "B09HEADBT5", "Headphones, wireless", 7990),
        Thing("CAM-DOOR", "B0CAMDOOR1", "Door camera", 11900),
        Thing("PWR-20K", "B09PWR20KA", "Power bank, 20,000 mAh", 3490),
    ),
)
SHOPS = (ACME, GLOBEX)

# First name, family name, language
BUYERS = (
    ("Lena", "Marsh", "en"),
    ("Mario", "Conti", "en"),
    ("Agnes", "Weber", "de"),
    ("Tom", "Okafor", "en"),
    ("Yuki", "Tanaka", "en"),
    ("Jonas", "Brandt", "de"),
    ("Priya", "Nair", "en"),
    ("Claire", "Dubois", "en"),
    ("Oskar", "Lindqvist", "en"),
    ("Hannah", "Schulz", "de"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """One return: how long ago it was asked for, why, and how far it has come."""

    hours_ago: float
    reason_code: str
    comment: str
    ends: str  # asked, withdrawn, denied, authorised, shipped, part, received, refunded, returnless
    quantity: int = 1


STORIES = (
    Story(51, "CR-DEFECTIVE", "It worked for two days, then nothing.", "asked"),
    Story(49, "CR-SWITCHEROO", "I ordered the large one and got the small one.", "asked"),
    Story(45, "CR-MISSING_PARTS", "The lid is missing.", "asked"),
    Story(40, "CR-UNWANTED_ITEM", "Bought two, need one.", "asked"),
    Story(20, "CR-QUALITY_UNACCEPTABLE", "Thinner than in the picture.", "asked"),
    Story(6, "CR-ORDERED_WRONG_ITEM", "", "asked", 2),
    Story(2, "CR-DAMAGED_BY_CARRIER", "Box and item both crushed.", "asked"),
    Story(30, "CR-FOUND_BETTER_PRICE", "Cheaper around the corner at Miller's.", "withdrawn"),
    Story(90, "CR-NOT_COMPATIBLE", "Does not fit my model.", "denied"),
    Story(100, "CR-UNWANTED_ITEM", "Changed my mind.", "authorised"),
    Story(70, "CR-DEFECTIVE", "The switch is loose.", "authorised"),
    Story(120, "CR-DAMAGED_BY_FC", "The box was fine, the item was not.", "shipped"),
    Story(150, "CR-UNWANTED_ITEM", "Wrong colour after all.", "part", 2),
    Story(170, "CR-SWITCHEROO", "Got somebody else's order.", "received"),
    Story(160, "CR-DEFECTIVE", "Does not switch on.", "received"),
    Story(200, "CR-UNWANTED_ITEM", "Not needed any more.", "refunded"),
    Story(260, "CR-QUALITY_UNACCEPTABLE", "The finish peels off.", "refunded"),
    Story(400, "CR-MISSING_PARTS", "Two screws were missing.", "returnless"),
    Story(500, "CR-MISSED_ESTIMATED_DELIVERY", "Came after the party.", "refunded"),
    Story(620, "CR-EXTRA_ITEM", "I got one too many.", "denied"),
)
