"""What `onecard catalog draft`, `sign` and `check` do with a version of a catalog, as a document in a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.catalog_diff import diff_catalogs
from adapters.catalog_document import CatalogDocument, read_document, read_head, read_rows
from adapters.layers import check_layers, put_out_of_order
from adapters.registry import load_registry
from adapters.words import LegalStatus
from gateway.bootstrap_catalogs import catalog_book, catalog_shelf
from gateway.catalog_console import print_faults, print_unrecognized
from gateway.catalog_files import read_file, unusable, write_file
from gateway.console import counted, screen
from gateway.errors import UnknownCatalogError
from gateway.key_places import KeyPlaces
from gateway.keys_console import home_of
from gateway.peers.publish_client import publish
from gateway.settings import load_settings
from trust.entity import EntityConfiguration
from trust.errors import TrustError
from trust.keys import KeyRing, thumbprint
from trust.party_signature import (
    PartySignature,
    canonical_bytes,
    canonical_digest,
    sign_as_party,
    verify_party_signature,
)
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from adapters.registry import Registry
    from trust.keys import VerificationKey

SIGNATURES = ".signatures"
"""Behind the name of a document: its signatures, compact JWS, one to a line."""

_NOON = 12 * 3600
_DAY = 86_400


def version_of(catalog: str | Path, *, config: Path | None) -> CatalogDocument:
    """Find a version: of a document in a file, as a gateway has it, or as it ships.

    Args:
        catalog: the catalog, or a document, whose name ends in `.json` where it is text.
        config: configuration of the gateway whose last version it is that all parties have signed; its folder is read.

    Raises:
        UnknownCatalogError: there is no such catalog.
        SettingsError: a file cannot be used.
    """
    registry = load_registry()
    if isinstance(catalog, Path) or catalog.endswith(".json"):
        return _document(Path(catalog), registry)
    if config is None:
        shipped = registry.documents.get(catalog)
        if shipped is None:
            raise UnknownCatalogError
        return shipped
    newest = catalog_book(registry, catalog_shelf(load_settings(config).trust.state, registry)).newest(catalog)
    if newest is None:
        raise UnknownCatalogError
    return newest.document()


def draft_version(file: Path, *, before: CatalogDocument, first_day: date, days: int, output: Path) -> int:
    """Make the next version of a catalog from a table, for its regions to sign; gives 1 where it has faults.

    What it changes is told, so that nobody takes back by an old table what another version has brought.

    Args:
        file: the items, in any form of a catalog's own table.
        before: the version that it replaces.
        first_day: from which on it holds.
        days: how long it lives as a cached copy.
        output: the document.
    """
    registry = load_registry()
    content = read_file(file)
    rows = content.rows or []
    told = {
        **before.head.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "sequence": before.head.sequence + 1,
        "previous": canonical_digest(before.plain()),
        "legal_status": LegalStatus.IN_FORCE.value,
        "effective_from": first_day.isoformat(),
        "valid_until": int(time.time()) // _DAY * _DAY + _NOON + days * _DAY,
    }
    head, faults = read_head(file.name, told)
    faults += content.faults
    if head is not None and not faults:
        document, faults = read_rows(file.name, head, rows, registry.taxonomy)
        faults = faults or check_layers(document, registry.surroundings)
        if not faults and rows:
            write_file(output, canonical_bytes(document.plain()))
            screen().print(
                f"version {head.sequence} of {head.catalog}: {canonical_digest(document.plain())}", soft_wrap=True
            )
            _print_changes(before, document)
            _print_out_of_order(put_out_of_order(document, registry.surroundings, registry.documents.__getitem__))
            return 0
    print_faults(faults)
    if not rows and not faults:
        print_unrecognized(content)
    screen().print(f"{counted(len(rows), 'item')}, {counted(len(faults), 'fault')}", soft_wrap=True)
    return 1


def _print_changes(before: CatalogDocument, after: CatalogDocument) -> None:
    """Say by their identifiers which items a version adds, changes and takes away."""
    diff = diff_catalogs(before, after)
    told = {
        "added": diff.added,
        "changed": [change.item for change in diff.changed],
        "taken away": diff.removed,
    }
    for word, items in told.items():
        if items:
            screen().print(f"  {word}: {', '.join(item.item for item in items)}", soft_wrap=True)


def sign_version(config: Path, file: Path, *, region: str) -> None:
    """Add the signature of a home region to those of a document (SettingsError, TrustError)."""
    home = home_of(load_settings(config), region)
    document = _document(file, load_registry())
    digest = canonical_digest(document.plain())
    if home.region not in document.head.regions:
        raise unusable(file, f"is no list of {home.region}")
    signature = PartySignature(
        iss=home.entity.id,
        region=home.region,
        iat=int(time.time()),
        content="catalog",
        name=document.head.catalog,
        digest=digest,
    )
    with KeyPlaces(clock=time.monotonic) as places:
        text = sign_as_party(signature, key=places.key(home.entity.key, issuer=home.entity.id))
    lines = (*_signatures(file), text)
    write_file(_beside(file), ("\n".join(lines) + "\n").encode())
    screen().print(f"{home.region} has signed {document.head.catalog}: {digest}", soft_wrap=True)


def check_version(file: Path, keys: Mapping[str, Path]) -> int:
    """Say who has signed a document, by the keys given for regions; gives 1 while a signature is missing.

    Nothing but the document, its signatures and public keys is needed, so anybody can do this. Keys come as a JWK set
    or as an entity configuration; what its own signature proves is only that whoever wrote it has the key, so its
    fingerprints are told, to be compared with what the operator has told by another way.
    """
    document = _document(file, load_registry())
    digest = canonical_digest(document.plain())
    signatures = _signatures(file)
    told = {region: _key_file(path) for region, path in keys.items()}

    def known(entity: str, region: str) -> Iterable[VerificationKey]:
        of_region = told.get(region)
        if isinstance(of_region, EntityConfiguration):
            return of_region.keys if of_region.sub == entity else ()
        ring = KeyRing.from_jwks(entity, of_region) if of_region is not None else KeyRing()
        return [ring.find(entity, str(key["kid"])) for key in ring.jwks(entity)["keys"]]

    console = screen()
    console.print(f"{document.head.catalog}, version {document.head.sequence}: {digest}", soft_wrap=True)
    for region, of_region in told.items():
        if isinstance(of_region, EntityConfiguration):
            marks = ", ".join(thumbprint(key.public_key) for key in of_region.keys)
            console.print(f"  {region}: keys of {of_region.sub}, to be compared: {marks}", soft_wrap=True)
    signed = set()
    for number, text in enumerate(signatures, start=1):
        try:
            said, _ = verify_party_signature(text, keys=known, now=int(time.time()))
        except TrustError as error:
            console.print(f"  signature {number} is not believed: {error}", soft_wrap=True)
            continue
        if (said.content, said.name, said.digest) == ("catalog", document.head.catalog, digest):
            signed.add(said.region)
        else:
            console.print(f"  signature {number} is of something else", soft_wrap=True)
    for region in document.head.regions:
        console.print(f"  {region}: {'signed' if region in signed else 'has not signed'}", soft_wrap=True)
    return 0 if set(document.head.regions) <= signed else 1


def read_signed(file: Path) -> tuple[bytes, tuple[str, ...]]:
    """Read a document with its signatures (SettingsError)."""
    try:
        return file.read_bytes(), _signatures(file)
    except OSError as error:
        raise unusable(file, f"cannot be read ({type(error).__name__})") from None


def _beside(file: Path) -> Path:
    return file.with_name(file.name + SIGNATURES)


def _signatures(file: Path) -> tuple[str, ...]:
    """Read the signatures that lie beside a document, if any (SettingsError)."""
    beside = _beside(file)
    try:
        return tuple(beside.read_text("ascii").split()) if beside.exists() else ()
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(beside, f"cannot be read ({type(error).__name__})") from None


def _document(file: Path, registry: Registry) -> CatalogDocument:
    """Read a document from its file (SettingsError with its first fault)."""
    document, faults = read_document(_json(file), registry.taxonomy)
    if document is None or faults:
        first = faults[0]
        raise unusable(file, f"row {first.row} {first.column} {first.rule} ({counted(len(faults), 'fault')})")
    return document


def _json(file: Path) -> Any:  # noqa: ANN401 - whoever takes it checks it
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise unusable(file, f"cannot be read as JSON ({type(error).__name__})") from None


def _key_file(file: Path) -> EntityConfiguration | Any:  # noqa: ANN401 - whoever takes a JWK set checks it
    """Read a JWK set, or an entity configuration as it was fetched (SettingsError)."""
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(file, f"cannot be read ({type(error).__name__})") from None
    if text.startswith("{"):
        return _json(file)
    try:
        return read_configuration(text)[0]
    except TrustError as error:
        raise unusable(file, f"is no JWK set and no entity configuration ({type(error).__name__})") from None


def publish_version(file: Path, *, gateway: str, ca: Path, token: str, dry_run: bool) -> int:
    """Publish a document with the signatures beside it (SettingsError); gives 1 where a dry run finds faults."""
    document, signatures = read_signed(file)
    done = publish(document, signatures, gateway=gateway, ca=ca.read_bytes(), token=token, dry_run=dry_run)
    console = screen()
    for row, column, rule in done.faults:
        console.print(f"row {row} {column}: {rule}", soft_wrap=True)
    told = "has no fault" if dry_run else "was known already" if done.replayed else "is published"
    if done.faults:
        told = f"has {counted(len(done.faults), 'fault')}"
    console.print(f"{done.digest or 'the document'} {told}", soft_wrap=True)
    if dry_run and not done.faults and not signatures:
        console.print("no signature was sent, and none was looked at", soft_wrap=True)
    elif done.missing and not done.faults:
        console.print(f"still to be signed by: {', '.join(done.missing)}", soft_wrap=True)
    _print_out_of_order(name.removeprefix("catalogs/") for name in done.out_of_order)
    return 1 if done.faults else 0


def _print_out_of_order(catalogs: Iterable[str]) -> None:
    """Warn of lists below a version that take away what it demands."""
    names = ", ".join(catalogs)
    if names:
        screen().print(f"puts out of order, until their next versions follow: {names}", soft_wrap=True)
