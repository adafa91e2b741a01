"""Publishes a version at a gateway, as the platform of a region does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from gateway.errors import SettingsError
from gateway.peers.details import details_of, plain
from gateway.refusals import refused
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from onecard.gateway.v1.catalog_publication_service_pb2_grpc import CatalogPublicationServiceStub

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Published:
    """What the gateway answered: the version's digest, who still has to sign, and what is wrong in a dry run.

    `out_of_order` has the names of lists below that take away what the version demands.
    """

    digest: str
    missing: tuple[str, ...]
    replayed: bool
    faults: tuple[tuple[int, str, str], ...]
    out_of_order: tuple[str, ...]


def publish(
    document: bytes, signatures: Sequence[str], *, gateway: str, ca: bytes, token: str, dry_run: bool
) -> Published:
    """Publish at `gateway`, `host:port` (SettingsError with the gateway's reason, or that it cannot be reached)."""
    request = pb.PublishCatalogRequest(document=document, signatures=signatures, dry_run=dry_run)
    with grpc.secure_channel(gateway, grpc.ssl_channel_credentials(ca)) as channel:
        try:
            answer = CatalogPublicationServiceStub(channel).PublishCatalog(
                request, timeout=_TIMEOUT_SECONDS, metadata=(("authorization", f"Bearer {token}"),)
            )
        except grpc.RpcError as error:
            info, violations = details_of(error)  # type: ignore[arg-type]  # it has the trailers of a call
            if info is None:
                raise SettingsError((gateway,), heading="The gateway cannot be reached.") from None
            heading = "The gateway refused the version."
            raise refused(plain(info.reason), violations=violations, heading=heading) from None
    return Published(
        answer.version.digest,
        tuple(answer.version.missing_signatures),
        answer.replayed,
        tuple((fault.row, fault.column, fault.rule) for fault in answer.faults),
        tuple(answer.out_of_order),
    )
