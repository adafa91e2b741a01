"""A servicer whose every method raises what a test prepared, and the errors there are to raise."""

from __future__ import annotations

from inspect import signature
from typing import Any, ClassVar, NoReturn

from adapters.errors import AdapterError
from gateway.errors import GatewayError, InvalidFieldError, PeerRefusedError, SettingsError
from onecard.gateway.v1 import identity_service_pb2, region_service_pb2
from trust.errors import AgreementDataError, TrustError

PLANTED = "canary-测试金丝雀-500112190302110117"


class RaisingServicer:
    """Stands where RegionService would, and raises."""

    SERVICE: ClassVar = region_service_pb2.DESCRIPTOR.services_by_name["RegionService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "region.read")
    WAITS: ClassVar = frozenset[str]()
    DECIDES: ClassVar = frozenset[str]()

    def __init__(self, error: BaseException) -> None:
        """Raise this, until a test changes it."""
        self.error = error

    async def get_region(self, _request: object, _call: object) -> NoReturn:
        """Raise."""
        raise self.error

    list_regions = get_region


class RaisingStreams(RaisingServicer):
    """Stands where IdentityService would, and raises in single calls and in streams."""

    SERVICE: ClassVar = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
    SCOPES: ClassVar = dict.fromkeys((method.name for method in SERVICE.methods), "card.verify")

    verify_card = batch_verify_cards = translate_identity = batch_translate_identities = RaisingServicer.get_region


def classes_below(root: type[Exception]) -> list[type[Exception]]:
    """Give every class of ours below a root, however deep."""
    found = [deeper for child in root.__subclasses__() for deeper in (child, *classes_below(child))]
    return [one for one in found if one.__module__ in {"adapters.errors", "trust.errors", "gateway.errors"}]


LEAVES = sorted(
    {leaf for root in (AdapterError, TrustError, GatewayError) for leaf in classes_below(root)},
    key=lambda leaf: leaf.__name__,
)


def instance(leaf: type[Exception]) -> Exception:
    """Make an error of a class, with metadata as it has them."""
    if leaf is InvalidFieldError:
        return InvalidFieldError(("one.field", "required"), ("two", "form"))
    if leaf is PeerRefusedError:
        return PeerRefusedError(code="NOT_FOUND", reason="CARD_NOT_FOUND", violations=(), region="sichuan")
    if leaf is SettingsError:
        return SettingsError(("a fault",))
    if leaf is AgreementDataError:
        return AgreementDataError(agreement="sichuan-chongqing", faults=["id: required"])
    assert list(signature(leaf).parameters) == ["metadata"]
    made: Any = leaf
    error: Exception = made(region="sichuan", field="one.field", rule="some_rule")
    return error
