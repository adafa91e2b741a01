"""What offline packs weigh and what asking one takes: for 1,000, 100,000 and 1,000,000 reported cards of one region.

Each pack is one that a gate could use: keys, a trust chain of three statements, forty items, and the set. An update is
of a hundred cards more and a hundred less. Time is CPU of the one thread, and that of reading a pack includes its
signature; a recognition is verified whole, signature and all.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING

from bench.status_sets import SIZES, pseudonyms
from trust.claims import RecognitionClaims
from trust.encoding import encode_base64url, hash_request
from trust.keys import SigningKey
from trust.offline_delta import apply_update, make_update
from trust.offline_gate import OfflinePack, Use, Verdict
from trust.offline_pack import HomeContent, PackContent, make_pack, same_sets
from trust.offline_statement import ItemPart
from trust.signer import RecognitionSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

NOW = 1_800_000_000
CHANGED = 100
QUESTIONS = 2000
_DAY = 86_400
_HOME, _VISITED = "home_region", "visited_region"
_KEYS = {name: SigningKey.generate("ES256", issuer=name) for name in (_HOME, _VISITED)}
_TYPES = ("CUL.MUSEUM", "CUL.LIBRARY.ENTRY")


def _chain() -> tuple[str, ...]:
    """Make three statements as long as those of the sandbox, of bytes that do not compress."""
    chance = random.Random(3)
    return tuple(encode_base64url(chance.randbytes(1500)) for _ in range(3))


def content(reported: Collection[bytes], serial: int) -> PackContent:
    """Give what goes into a pack."""
    home = HomeContent(
        agreement="an-agreement",
        keys=(_KEYS[_HOME].public(),),
        chain=_chain(),
        reported=reported,
        as_of=NOW,
        life={"identity": _DAY},
    )
    grants = {_HOME: {"identity": _TYPES}}
    part = ItemPart(one_time=False, grants={"physical": grants, "electronic": grants})
    items = {f"IT-{number:02}": part for number in range(40)}
    return PackContent(
        issuer=_VISITED,
        serial=serial,
        iat=NOW,
        exp=NOW + _DAY,
        keys=(_KEYS[_VISITED].public(),),
        homes={_HOME: home},
        items=items,
    )


def recognitions(cards: Sequence[bytes]) -> list[str]:
    """Sign a recognition for each card."""
    signer = RecognitionSigner(_KEYS[_HOME])
    return [
        signer.issue(
            RecognitionClaims(
                iss=_HOME,
                aud=_VISITED,
                sub=hash_request(card),
                iat=NOW,
                nbf=NOW,
                exp=NOW + 600,
                jti=f"bench-{number}",
                item="IT-01",
                home_items=("HI-01",),
                catalog_version="2026.1",
                purpose="service_access",
                classes={"identity": _TYPES},
                card_status="active",
                card_status_as_of=NOW,
                medium="electronic",
                assurance="substantial",
                request_hash=hash_request(b"bench"),
                agreement="an-agreement",
                one_time=False,
                card=encode_base64url(card),
            )
        )
        for number, card in enumerate(cards)
    ]


def _micros(work: Callable[[], None], times: int) -> float:
    begun = time.thread_time()
    work()
    return (time.thread_time() - begun) / times * 1_000_000


def measure(count: int, tokens: Sequence[str], cards: Sequence[bytes]) -> dict[str, float]:
    """Measure packs of so many reported cards; sizes in bytes, times in microseconds."""
    reported = pseudonyms(count + CHANGED, seed=count)
    pinned = [_KEYS[_VISITED].public().to_jwk()]
    data = make_pack(content(reported[:count], 1), key=_KEYS[_VISITED], salts={_HOME: bytes(16)})
    pack = OfflinePack.read(data, keys=pinned)
    later = content(reported[CHANGED:], 2)
    new = make_pack(later, key=_KEYS[_VISITED], salts={_HOME: bytes(16)}, previous=pack)
    update = make_update(data, new, sets=same_sets(pack, OfflinePack.read(new, keys=pinned)))
    assert apply_update(data, update) == new
    use = Use(item="IT-01", medium="electronic", application_class="identity", now=NOW + 60)

    def recognize() -> None:
        for token in tokens:
            assert pack.check_recognition(token, use=use).verdict is not Verdict.REFUSED

    def ask() -> None:
        for card in cards:
            assert pack.check_card(_HOME, encode_base64url(card), use=use).verdict is not Verdict.REFUSED

    assert all(
        pack.check_card(_HOME, encode_base64url(card), use=use).verdict is Verdict.ASK_ONLINE
        for card in reported[: min(count, 500)]
    )
    return {
        "reported": count,
        "pack": len(data),
        "update": len(update),
        "one_in": pack.one_in(_HOME),
        "read": _micros(lambda: (OfflinePack.read(data, keys=pinned), None)[1], 1),
        "recognition": _micros(recognize, len(tokens)),
        "card": _micros(ask, len(cards)),
    }


if __name__ == "__main__":
    some = pseudonyms(QUESTIONS, seed=2)
    signed = recognitions(some)
    for size in SIZES:
        print(json.dumps(measure(size, signed, some)), flush=True)
        print(f"{size} measured", file=sys.stderr)
