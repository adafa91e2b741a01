"""A second load generator, ghz, where it is installed: a cheaper client than Python's, as a check on it."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, json_format

from bench.figures import Sample
from bench.process import BenchError, cpu_seconds
from onecard.gateway.v1 import identity_service_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor

    from bench.load import Target, Wire

_Request = identity_service_pb2.TranslateIdentityRequest | identity_service_pb2.VerifyCardRequest
_REQUESTS: dict[str, type[_Request]] = {
    "TranslateIdentity": identity_service_pb2.TranslateIdentityRequest,
    "VerifyCard": identity_service_pb2.VerifyCardRequest,
}
_GRACE_SECONDS = 30.0


def find_ghz() -> str | None:
    """Find ghz on the path, or where `go install` puts it."""
    return shutil.which("ghz") or shutil.which("ghz", path=str(Path.home() / "go" / "bin"))


def write_descriptors(path: Path) -> None:
    """Write the contract's file descriptors, each after those that it imports."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        if file.name not in found:
            for inner in file.dependencies:
                add(inner)
            file.CopyToProto(found.setdefault(file.name, descriptor_pb2.FileDescriptorProto()))

    add(identity_service_pb2.DESCRIPTOR)
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString())


def measure_with_ghz(
    ghz: str, target: Target, wire: Wire, *, descriptors: Path, streams: int, seconds: float
) -> Sample:
    """Call a target as `measure` does, without a warm-up (BenchError where a call fails)."""
    service, _, method = target.method[1:].partition("/")
    message = _REQUESTS[method].FromString(target.request)
    if isinstance(message, identity_service_pb2.VerifyCardRequest):
        message.request_id = "{{newUUID}}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted, apart = cpu_seconds(target.counted), cpu_seconds(target.apart)
    done = subprocess.run(
        (
            *(ghz, "--cacert", str(wire.ca), "--cname", wire.server_name, "--protoset", str(descriptors)),
            *("--call", f"{service}.{method}", "-m", json.dumps({"authorization": f"Bearer {wire.token()}"})),
            *(
                "-d",
                json_format.MessageToJson(message, ensure_ascii=False, preserving_proto_field_name=True),
                "-c",
                str(streams),
                "-z",
                f"{seconds}s",
            ),
            *("--duration-stop", "wait", "-O", "json", target.address),
        ),
        capture_output=True,
        check=False,
        timeout=seconds + _GRACE_SECONDS,
    )
    counted, apart = cpu_seconds(target.counted) - counted, cpu_seconds(target.apart) - apart
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = _report(target, done)
    return Sample(
        calls=report["count"],
        seconds=report["total"] / 1e9,
        server_seconds=counted,
        apart_seconds=apart,
        client_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def _report(target: Target, done: subprocess.CompletedProcess[bytes]) -> dict[str, int]:
    """Read what ghz found: calls and nanoseconds (BenchError where calls failed)."""
    if done.returncode:
        raise BenchError(f"ghz against {target.name}: {done.stderr.decode(errors='replace')[-300:]}")
    report = json.loads(done.stdout)
    failed = {code: n for code, n in report["statusCodeDistribution"].items() if code != "OK"}
    if failed:
        raise BenchError(f"ghz: {target.name} failed: {failed}")
    return {"count": report["count"], "total": report["total"]}
