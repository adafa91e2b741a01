"""Packs for gates of Sichuan about cards of Chongqing and Shiyan, and recognitions to show there; all invented."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from tests.trust.forge import NOW, recognition
from trust.encoding import encode_base64url
from trust.keys import SigningKey
from trust.offline_gate import OfflinePack, Use
from trust.offline_pack import HomeContent, PackContent, make_pack
from trust.offline_statement import ItemPart
from trust.signer import RecognitionSigner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

HOME: Final = "chongqing"
OTHER: Final = "shiyan"
VISITED: Final = "sichuan"
KEYS: Final = {region: SigningKey.generate("ES256", issuer=region) for region in (HOME, OTHER, VISITED)}
EDWARDS: Final = SigningKey.generate("EdDSA", issuer=HOME)
SALTS: Final = {HOME: b"\x01" * 16, OTHER: b"\x02" * 16}
DAY: Final = 86_400
MUSEUM: Final = ("CUL.MUSEUM", "CUL.SCENIC")
GRANTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    HOME: {"identity": MUSEUM, "payment": ("CUL.MUSEUM",)},
    OTHER: {"identity": ("CUL.MUSEUM",)},
}
ITEM: Final = ItemPart(one_time=False, grants={"physical": GRANTS, "electronic": GRANTS})
ONCE: Final = ItemPart(one_time=True, grants={"electronic": {HOME: {"identity": ("TRA.BUS",)}}})
PINNED: Final = (KEYS[VISITED].public().to_jwk(),)


def card(number: int) -> bytes:
    """Give the pseudonym of a card."""
    return hashlib.sha256(b"card %d" % number).digest()[:16]


def name(number: int) -> str:
    """Give the same as it stands in recognitions."""
    return encode_base64url(card(number))


def home(reported: Collection[bytes] = (), /, **changes: object) -> HomeContent:
    """Give what a pack has of Chongqing, with some of it changed."""
    values: dict[str, object] = {
        "agreement": "sichuan-chongqing",
        "keys": (KEYS[HOME].public(), EDWARDS.public()),
        "chain": ("aaa.bbb.ccc", "ddd.eee.fff"),
        "reported": reported,
        "as_of": NOW,
        "life": {"identity": DAY},
    }
    return HomeContent(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def content(reported: Collection[bytes] = (), /, **changes: object) -> PackContent:
    """Give what goes into a pack, with some of it changed."""
    homes = {HOME: home(reported), OTHER: home((card(900),), keys=(KEYS[OTHER].public(),), agreement="sichuan-shiyan")}
    items: Mapping[str, ItemPart] = {"SC-02": ITEM, "SC-11": ONCE}
    values = {"issuer": VISITED, "serial": 1, "iat": NOW, "exp": NOW + DAY, "homes": homes, "items": items}
    values["keys"] = (KEYS[VISITED].public(),)
    return PackContent(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def packed(reported: Collection[bytes] = (), previous: OfflinePack | None = None, /, **changes: object) -> bytes:
    """Make a pack."""
    return make_pack(content(reported, **changes), key=KEYS[VISITED], salts=SALTS, previous=previous)


def opened(reported: Collection[bytes] = (), /, **changes: object) -> OfflinePack:
    """Make a pack and read it as a gate does."""
    return OfflinePack.read(packed(reported, None, **changes), keys=PINNED)


def use(**changes: object) -> Use:
    """Give a use that the pack and `shown` allow, with some of it changed."""
    values = {"item": "SC-02", "medium": "electronic", "application_class": "identity", "now": NOW + 60}
    return Use(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def shown(key: SigningKey = KEYS[HOME], /, **changes: object) -> str:
    """Give a recognition of Chongqing for card 1, with some claims changed."""
    told: dict[str, object] = {
        "iss": key.issuer,
        "aud": VISITED,
        "item": "SC-02",
        "classes": {"identity": ("CUL.MUSEUM",)},
        "card": name(1),
    }
    return RecognitionSigner(key).issue(recognition(**{**told, **changes}))


def short(value: object) -> str | None:
    """Name a case by what is the same in each run: keys, and so what they sign, are others each time."""
    return "case" if isinstance(value, bytes) or len(str(value)) > 40 else None
