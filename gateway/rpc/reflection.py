"""Reflection in both versions: grpcio-reflection has v1alpha only, and tools use either.

The two protocols are the same message for message; only the package name differs. So v1 is v1alpha's own descriptor
under the other name, served by the same servicer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer  # the public name `reflection.aio` has no types
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as V1ALPHA

if TYPE_CHECKING:
    from collections.abc import Sequence

V1 = "grpc.reflection.v1.ServerReflection"
_HEALTH = "grpc.health.v1.Health"
_FILE = "grpc_reflection/v1/reflection.proto"


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Serve reflection for the services named, for health, and for reflection itself."""
    _describe_v1()
    servicer = ReflectionServicer([*services, _HEALTH, V1, V1ALPHA])
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in (V1, V1ALPHA):
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})])


def _describe_v1() -> None:
    """Put v1 into the default pool once, so that reflection can describe itself under this name too."""
    pool = descriptor_pool.Default()
    try:
        pool.FindFileByName(_FILE)
    except KeyError:
        v1alpha = descriptor_pb2.FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
        text = json_format.MessageToJson(v1alpha).replace("v1alpha", "v1")
        pool.AddSerializedFile(json_format.Parse(text, descriptor_pb2.FileDescriptorProto()).SerializeToString())
