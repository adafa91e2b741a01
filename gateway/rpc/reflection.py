"""Reflection in both versions: grpcio-reflection has v1alpha only, and tools use either.

The two protocols are the same message for message; only the package name differs. So v1 is v1alpha's own descriptor
under the other name, served by the same servicer.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
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


class _Reflection(ReflectionServicer):  # type: ignore[misc]  # the library has no types here
    """Tells what the library leaves out, and what tools other than grpcurl therefore stumble over.

    A tool may ask for `package.Service.Method`, which Python's descriptor pool does not find; and Python's descriptors
    have lost the JSON names of fields, without which a tool cannot read `requestId`.
    """

    def _file_by_filename(
        self, request: reflection_pb2.ServerReflectionRequest, filename: str
    ) -> reflection_pb2.ServerReflectionResponse:
        return _with_json_names(super()._file_by_filename(request, filename))

    def _file_containing_symbol(
        self, request: reflection_pb2.ServerReflectionRequest, fully_qualified_name: str
    ) -> reflection_pb2.ServerReflectionResponse:
        parent, _, name = fully_qualified_name.rpartition(".")
        with suppress(KeyError):
            if name in self._pool.FindServiceByName(parent).methods_by_name:
                fully_qualified_name = parent
        return _with_json_names(super()._file_containing_symbol(request, fully_qualified_name))


def _with_json_names(response: reflection_pb2.ServerReflectionResponse) -> reflection_pb2.ServerReflectionResponse:
    """Give each field of the files in a response its JSON name."""
    files = response.file_descriptor_response.file_descriptor_proto
    for place, file in enumerate(files):
        files[place] = _named_file(file)
    return response


@lru_cache(maxsize=64)
def _named_file(file: bytes) -> bytes:
    """Name the fields of one file; files do not change while the process lives."""
    proto = descriptor_pb2.FileDescriptorProto.FromString(file)
    for message in proto.message_type:
        _name_fields(message)
    return proto.SerializeToString()


def _name_fields(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        first, *rest = field.name.split("_")
        field.json_name = first + "".join(word[:1].upper() + word[1:] for word in rest)
    for nested in message.nested_type:
        _name_fields(nested)


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Serve reflection for the services named, for health, and for reflection itself."""
    _describe_v1()
    servicer = _Reflection([*services, _HEALTH, V1, V1ALPHA])
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
