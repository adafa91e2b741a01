"""Field behavior: every field that the contract calls REQUIRED is refused by name where it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor

from onecard.gateway.v1 import identity_service_pb2
from tests.fakes.callers import HOME_PLATFORM, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.requests import good_requests
from tests.gateway.rpc.told import Told, refused, told_by

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

Path = tuple[str, ...]


def is_required(field: Any) -> bool:  # noqa: ANN401 - a descriptor
    """Tell whether the contract calls a field REQUIRED."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def required_paths(message: Any, above: Path = ()) -> list[Path]:  # noqa: ANN401 - a descriptor
    """Give the path of every required field, those inside other messages too."""
    found: list[Path] = []
    for field in message.fields:
        path = (*above, field.name)
        found += [path] if is_required(field) else []
        if field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            found += required_paths(field.message_type, path)
    return found


CASES = [
    (name, path) for name, request in sorted(good_requests().items()) for path in required_paths(request.DESCRIPTOR)
]


def without(request: Message, path: Path) -> Message:
    """Give the request without one field; in a batch the first entry lacks it."""
    copied = type(request)()
    copied.CopyFrom(request)
    inner: Any = copied
    for name in path[:-1]:
        inner = getattr(inner, name)
        inner = inner[0] if hasattr(inner, "add") else inner
    inner.ClearField(path[-1])
    return copied


async def call(channel: grpc.aio.Channel, name: str, request: Message, metadata: Any) -> Told:  # noqa: ANN401 - pairs of text
    """Make a call that must be refused, as a whole or in its one entry."""
    untyped: Any = channel
    full = f"/onecard.gateway.v1.{name}"
    if not name.startswith("IdentityService/Batch"):
        return await refused(untyped.unary_unary(full)(request.SerializeToString(), metadata=metadata))
    stream = untyped.stream_stream(full)(metadata=metadata)
    await stream.write(request.SerializeToString())
    if not request.ListFields():
        return await refused(stream.read())
    verified = name.endswith("Cards")
    kind: Any = (
        identity_service_pb2.BatchVerifyCardsResponse
        if verified
        else identity_service_pb2.BatchTranslateIdentitiesResponse
    )
    reply = kind.FromString(await stream.read())
    stream.cancel()
    return told_by(reply.outcomes[0].error)


def test_the_contract_marks_its_fields() -> None:
    """The walk finds what it must, nested fields among them."""
    assert ("IdentityService/VerifyCard", ("credential", "card_number", "card_number")) in CASES
    assert ("IdentityService/BatchTranslateIdentities", ("entries", "source", "region")) in CASES
    assert ("RecognitionService/VerifyRecognition", ("recognition",)) in CASES
    assert len(CASES) > 35


async def test_each_required_field_is_refused_by_name_where_it_is_missing() -> None:
    """INVALID_ARGUMENT, with a BadRequest that names the field, or a field of it, and the rule that it is required."""
    node = FakeNode()
    good = good_requests()
    wrong = []
    async with channel_to(node.server()) as channel:
        for name, path in CASES:
            caller = HOME_PLATFORM if name.startswith("RecognitionService") else PLATFORM
            told = await call(channel, name, without(good[name], path), bearer(caller, node.clock))
            field = ".".join(path if path == ("entries",) else [part for part in path if part != "entries"])
            named = {one for one, rule in told.violations if rule == "required"}
            if told.code != "INVALID_ARGUMENT" or not any(one == field or one.startswith(f"{field}.") for one in named):
                wrong.append((name, path, told.code, told.violations))
    assert wrong == []
    assert node.platform.asked == []


@pytest.mark.parametrize("name", [name for name in good_requests() if not name.startswith("IdentityService/Batch")])
async def test_the_whole_request_is_answered_and_an_empty_one_names_all_that_is_missing(name: str) -> None:
    """Nothing else is wrong with the good request, and one refusal is enough to learn every missing top-level field."""
    node = FakeNode()
    good = good_requests()[name]
    caller = HOME_PLATFORM if name.startswith("RecognitionService") else PLATFORM
    wanted = {path[0] for path in required_paths(good.DESCRIPTOR) if len(path) == 1}
    async with channel_to(node.server()) as channel:
        untyped: Any = channel
        method = untyped.unary_unary(f"/onecard.gateway.v1.{name}")
        if name.endswith("VerifyRecognition"):
            assert (await call(channel, name, good, bearer(caller, node.clock))).reason == "MALFORMED_TOKEN"
        else:
            assert await method(good.SerializeToString(), metadata=bearer(caller, node.clock)) is not None
        if wanted:
            told = await refused(method(b"", metadata=bearer(caller, node.clock)))
            assert {field.partition(".")[0] for field in told.fields} in (wanted, {"name"})
