"""Requests of the story: the sandbox's fictitious cardholders with whatever each of them can show."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.registry import load_vectors
from gateway.sandbox.platforms import qr_text
from gateway.sandbox.story import new_id
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb

if TYPE_CHECKING:
    from onecard.gateway.v1.card_pb2 import Medium, Purpose

CONSENT = "CONSENT-SYNTHETIC-0001"
_NAME_WIDTH = 30
_UNUSED_COLUMNS = "3B6D000080318065B0A0000000|3.00|20210318|20310318|SYNTHETIC0001|SYNTHETIC0001"


@lru_cache
def _vectors(region: str) -> dict[str, dict[str, Any]]:
    told = json.loads(load_vectors(region))
    return {entry["id"]: entry for kind in ("round_trips", "readings") for entry in told.get(kind, [])}


def record(region: str, vector: str) -> dict[str, str]:
    """Give a cardholder's record by the region's own field names."""
    fields: dict[str, str] = _vectors(region)[vector]["record"]
    return fields


def raw(region: str, *names: str, vector: str = "active") -> str:
    """Tell some fields of a cardholder's record as the region's platform holds them."""
    held = record(region, vector)
    return " ".join(f"{name}={held[name]}" for name in names)


def _holder(region: str, vector: str) -> dict[str, Any]:
    holder: dict[str, Any] = _vectors(region)[vector]["canonical"]["holder"]
    return holder


def _card(region: str, vector: str) -> dict[str, Any]:
    card: dict[str, Any] = _vectors(region)[vector]["canonical"]["card"]
    return card


def by_number(region: str, vector: str = "active") -> pb.Credential:
    """Show the card number with the social-security number."""
    number = pb.CardNumberCredential(
        card_number=_card(region, vector)["number"],
        social_security_number=_holder(region, vector)["social_security_number"],
    )
    return pb.Credential(card_number=number)


def by_wrong_number(region: str) -> pb.Credential:
    """Show a social-security number with a wrong check digit (GB 11643)."""
    shown = by_number(region)
    number = shown.card_number.social_security_number
    shown.card_number.social_security_number = number[:-1] + ("0" if number[-1] != "0" else "1")
    return shown


def by_others_number(region: str) -> pb.Credential:
    """Show one holder's card with another holder's number."""
    shown = by_number(region)
    shown.card_number.social_security_number = _holder(region, "active_2")["social_security_number"]
    return shown


def by_code(region: str, vector: str = "active") -> pb.Credential:
    """Show the identification code of the chip."""
    return pb.Credential(identification_code=_card(region, vector)["identification_code"])


def by_reader(region: str, vector: str = "active", *, name: str = "") -> pb.Credential:
    """Show what a card reader read: eleven columns, the name padded with spaces, a bar at the end."""
    holder, card = _holder(region, vector), _card(region, vector)
    padded = (name or holder["name"]).ljust(_NAME_WIDTH)
    columns = (card["issuer_division"], holder["social_security_number"], card["number"], card["identification_code"])
    return pb.Credential(reader_text=f"{'|'.join(columns)}|{padded}|{_UNUSED_COLUMNS}|")


def by_sign_number(region: str, vector: str = "active") -> pb.Credential:
    """Show the sign number of the electronic card."""
    return pb.Credential(electronic_sign_number=_card(region, vector)["electronic_sign_number"])


def by_qr(region: str, vector: str = "active") -> pb.Credential:
    """Show a fresh QR text of the electronic card; only the home platform can say whose it is, and only once."""
    return pb.Credential(qr_text=qr_text(region, vector, new_id()))


def verify(
    home: str,
    item: str,
    credential: pb.Credential,
    *,
    purpose: Purpose.ValueType = card_pb2.PURPOSE_SERVICE_ACCESS,
    medium: Medium.ValueType = card_pb2.MEDIUM_PHYSICAL,
    consent: str = "",
) -> pb.VerifyCardRequest:
    """Write a request of VerifyCard under a new id."""
    return pb.VerifyCardRequest(
        request_id=new_id(),
        home_region=home,
        credential=credential,
        medium=medium,
        visited_item=item,
        purpose=purpose,
        consent_reference=consent,
    )


def translate(source: str, vector: str, target: str, *, text: bool = False) -> pb.TranslateIdentityRequest:
    """Write a request of TranslateIdentity for a cardholder's record; the neutral form is wanted too."""
    return pb.TranslateIdentityRequest(
        source=card_pb2.RegionalIdentity(region=source, fields=record(source, vector)),
        target_region=target,
        include_text=text,
        include_canonical=True,
    )
