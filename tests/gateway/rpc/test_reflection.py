"""Reflection: both versions list and describe the same services, themselves included."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as V1ALPHA

from gateway.rpc.reflection import V1, add_reflection
from tests.fakes.node import FakeNode, channel_to

SERVICES = {
    "grpc.health.v1.Health",
    V1,
    V1ALPHA,
    "onecard.gateway.v1.CatalogPublicationService",
    "onecard.gateway.v1.CatalogRulesService",
    "onecard.gateway.v1.CatalogService",
    "onecard.gateway.v1.IdentityService",
    "onecard.gateway.v1.RecognitionService",
    "onecard.gateway.v1.RegionService",
}


async def ask(channel: Any, version: str, **asked: str) -> reflection_pb2.ServerReflectionResponse:  # noqa: ANN401 - raw calls
    """Ask one question; the two versions are the same message for message."""
    method = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    stream = method()
    await stream.write(reflection_pb2.ServerReflectionRequest(**asked))
    reply: reflection_pb2.ServerReflectionResponse = await stream.read()
    await stream.done_writing()
    return reply


def files(reply: reflection_pb2.ServerReflectionResponse) -> list[descriptor_pb2.FileDescriptorProto]:
    """Read the files of an answer."""
    found = reply.file_descriptor_response.file_descriptor_proto
    return [descriptor_pb2.FileDescriptorProto.FromString(file) for file in found]


@pytest.mark.parametrize("version", [V1, V1ALPHA])
async def test_services_are_listed_and_described(version: str) -> None:
    """Each service that is listed can be described by its name, and so can its methods and messages."""
    node = FakeNode()
    async with channel_to(node.server(reflection=True)) as channel:
        listed = await ask(channel, version, list_services="*")
        names = {service.name for service in listed.list_services_response.service}
        assert names == SERVICES
        for name in names:
            described = files(await ask(channel, version, file_containing_symbol=name))
            package, _, service = name.rpartition(".")
            assert any(f.package == package and service in {s.name for s in f.service} for f in described)
        method = f"{V1}.ServerReflectionInfo"
        assert files(await ask(channel, version, file_containing_symbol=method))[0].package == "grpc.reflection.v1"
        message = await ask(channel, version, file_containing_symbol="onecard.gateway.v1.VerifyCardRequest")
        (file,) = [f for f in files(message) if f.name.endswith("identity_service.proto")]
        (verify,) = [m for m in file.message_type if m.name == "VerifyCardRequest"]
        assert [field.json_name for field in verify.field][:2] == ["requestId", "homeRegion"]
        named = await ask(channel, version, file_by_filename="onecard/gateway/v1/card.proto")
        assert files(named)[0].package == "onecard.gateway.v1"
        for unknown in ({"file_containing_symbol": "no.such.Thing"}, {"file_by_filename": "no/such.proto"}):
            assert (await ask(channel, version, **unknown)).error_response.error_code == 5


async def test_a_node_without_reflection_tells_nothing() -> None:
    """Outside the sandbox the contract is published elsewhere."""
    node = FakeNode()
    async with channel_to(node.server()) as channel:
        with pytest.raises(Exception, match="UNIMPLEMENTED"):
            await ask(channel, V1, list_services="*")


def test_reflection_is_described_once_however_many_servers_there_are() -> None:
    """The second server finds the description of the first."""

    class Server:
        def add_generic_rpc_handlers(self, handlers: tuple[Any]) -> None:
            """Take the handlers."""
            assert handlers

    server: Any = Server()
    for _ in range(2):
        add_reflection(server, [])
