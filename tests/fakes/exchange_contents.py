"""A request that Sichuan makes of Chongqing, and its answer, of an invented holder."""

from __future__ import annotations

from typing import Any, Final

from onecard.gateway.v1 import exchange_pb2

HOLDER: Final = "500112190302110117"
NAME: Final = "测试甲"


def content(**changes: Any) -> exchange_pb2.RequestContent:  # noqa: ANN401 - any field
    """Ask Chongqing, as Sichuan, for a certificate of insurance of an invented holder."""
    fields: dict[str, Any] = {
        "source_region": "sichuan",
        "target_region": "chongqing",
        "item": "CQ-02",
        "item_type": "SI.PERSON.CERT",
        "purpose": 6,
        "medium": 1,
        "subject": {"name": NAME, "social_security_number": HOLDER},
        "insurance_certificate": {"kinds": [1], "from_month": "2020-01"},
        **changes,
    }
    return exchange_pb2.RequestContent(**{name: value for name, value in fields.items() if value is not None})


def reply(certificate: str = "C-1", **changes: Any) -> exchange_pb2.RequestReply:  # noqa: ANN401 - any field
    """Certify it."""
    result = exchange_pb2.InsuranceCertificateResult(
        certificate=certificate, issuer="重庆市社会保险局（模拟）", issued_on="2026-06-01"
    )
    return exchange_pb2.RequestReply(insurance_certificate=result, synthetic=True, **changes)
