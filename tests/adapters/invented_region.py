"""A tenth region that does not exist, as plain data, so that a test can change one thing about its manifest."""

from __future__ import annotations

import copy
from typing import Any

from adapters.manifest import Manifest

REGION = "invented"

_PLAIN: dict[str, Any] = {
    "region": REGION,
    "division_code": "990000",
    "owners": ["tests"],
    "synthetic_dialect": True,
    "dialect_note": "Invented for tests.",
    "name": {"zh-Hans": "虚构", "zh-Hant": "虛構", "en": "Invented", "pt": "Inventada"},
    "identity": {
        "field": [
            {"path": "holder.social_security_number", "key": "ssn"},
            {"path": "holder.name", "key": "name", "pad": 12, "max_length": 10},
            {"path": "holder.romanised_name", "key": "surname", "given_key": "given", "max_length": 20},
            {"path": "holder.sex", "key": "sex", "table": "sex", "label_key": "sex_text"},
            {"path": "holder.birth_date", "key": "born", "date": "DD.MM.YYYY"},
            {"path": "holder.nationality", "key": "nation"},
            {"path": "holder.documents", "key": "doc", "type_key": "doc_type"},
            {"path": "holder.documents", "key": "permit", "document": "home_return_permit"},
            {"path": "card.number", "key": "card"},
            {"path": "card.identification_code", "key": "chip", "hex_length": 24},
            {"path": "card.issuer_division", "key": "issuer"},
            {"path": "card.specification", "key": "spec"},
            {"path": "card.status", "key": "state", "table": "card_status"},
            {"path": "card.suspended_functions", "key": "off", "table": "card_function", "separator": "+"},
        ]
    },
    "tables": {
        "card_status": {"A": "active", "a": "active", "L": "lost_formal"},
        "document_type": {"P": "passport", "C": "citizen_id"},
        "sex": {"m": "male", "f": "female"},
        "card_function": {"S": "social_security"},
        "application_class": {"id": "identity", "out": "disbursement", "in": "payment"},
        "medium": {"card": "physical", "app": "electronic"},
        "label": {"sex": {"m": "man"}},
    },
    "item": {
        "language": "en",
        "field": {"id": "item", "title": "name", "uses": "classes", "forms": "media", "by": "unit"},
    },
    "platform": {
        "auth": {"scheme": "api_key"},
        "lookup": {
            "path": "/ask",
            "envelope": "json",
            "credential": {
                "card_number": {"record": {"card": "card.number", "ssn": "holder.social_security_number"}},
                "qr_text": {"record": {"qr": "qr.text"}, "constant": {"kind": "qr"}},
            },
        },
        "reply": {
            "envelope": "json",
            "code_at": "code",
            "ok": ["0"],
            "record_at": "data",
            "fault": {"1": "card_not_found", "2": "holder_mismatch", "9": "unavailable"},
        },
    },
}


def plain() -> dict[str, Any]:
    """Give the region's data, free to be changed."""
    return copy.deepcopy(_PLAIN)


def put(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Set what stands at a dotted path, where numbers count list entries; None takes it away. Gives the data back."""
    *parents, last = path.split(".")
    place: Any = data
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    if value is None:
        del place[int(last) if isinstance(place, list) else last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return data


def manifest(changes: dict[str, object] | None = None) -> Manifest:
    """Make the manifest, with changes by dotted path."""
    data = plain()
    for path, value in (changes or {}).items():
        put(data, path, value)
    return Manifest.model_validate(data)
