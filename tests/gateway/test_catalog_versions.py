"""Versions on the command line: drafted from a table, signed by each region, checked by anybody, published."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from adapters.catalog_document import read_document
from adapters.catalog_rows import write_row
from gateway.catalog_files import write_csv
from gateway.federation.catalog_shelf import FileCatalogs
from gateway.settings import load_settings
from onecard.gateway.v1 import catalog_publication_pb2 as told
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from tests.fakes.authority import FakeAuthority
from tests.fakes.regions import REGISTRY
from tests.gateway.command import onecard, refused
from tests.gateway.small_federation import found
from trust.entity import EntityConfiguration
from trust.keys import KeyRing, SigningKey, thumbprint
from trust.party_signature import canonical_digest
from trust.statement import sign_statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.sandbox.layout import Layout

JOINT = "sichuan-chongqing"
AUTHORITY = FakeAuthority()
DETAILS = "grpc-status-details-bin"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Lay out the two parties of the joint list, and a third region."""
    return found(tmp_path_factory.mktemp("parties") / "sandbox", "chongqing", "sichuan", "guizhou")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Draft the next version of the joint list, with one item less."""
    table, file = tmp_path / "list.csv", tmp_path / "next.json"
    table.write_bytes(write_csv(list(REGISTRY.documents[JOINT].items)[:-1]))
    drafted = onecard("catalog", "draft", table, "--catalog", JOINT, "--from", "2026-12-01", "--output", file)
    assert drafted.exit_code == 0, drafted.output
    assert f"version 2 of {JOINT}" in drafted.stdout
    return file


def keys_of(layout: Layout, region: str, folder: Path) -> str:
    """Write the key set that a region's entity tells to everybody, and give the option that names it."""
    entity = load_settings(layout.config(region)).home[0].entity
    pem = layout.home(region) / "federation.pem"
    key = SigningKey.from_pem(pem.read_bytes(), issuer=entity.id).public()
    file = folder / f"{region}.jwks"
    file.write_text(json.dumps(KeyRing([key]).jwks(entity.id)), "utf-8")
    return f"--keys={region}={file}"


def test_a_draft_is_the_next_version_in_canonical_form(document: Path) -> None:
    """It replaces what ships, by its digest; the head is as before but for number, days and life."""
    plain = json.loads(document.read_bytes())
    before = REGISTRY.documents[JOINT]
    assert plain["sequence"] == 2
    assert plain["previous"] == canonical_digest(before.plain())
    assert plain["effective_from"] == "2026-12-01"
    assert plain["regions"] == list(before.head.regions)
    assert plain["title"] == before.plain()["title"]
    assert len(plain["items"]) == len(before.items) - 1


def test_a_draft_follows_another_one(document: Path, tmp_path: Path) -> None:
    """Of what is not published yet, too; the life of a cached copy is told in days."""
    table, file = tmp_path / "list.csv", tmp_path / "third.json"
    drafted = onecard(
        "catalog", "draft", table, "--catalog", JOINT, "--after", document, "--days", "30", "--from", "2027-01-01",
        "--output", file,
    )  # fmt: skip
    assert drafted.exit_code == 0, drafted.output
    plain = json.loads(file.read_bytes())
    assert plain["sequence"] == 3
    assert plain["previous"] == canonical_digest(json.loads(document.read_bytes()))
    assert plain["valid_until"] < json.loads(document.read_bytes())["valid_until"]


def test_a_document_is_exported_to_a_table(document: Path, tmp_path: Path) -> None:
    """The rows are those of the document, from which the next version is made without a change."""
    table, file = tmp_path / "second.csv", tmp_path / "third.json"
    done = onecard("catalog", "export", document, table)
    assert done.exit_code == 0, done.output
    assert f"of version 2 of {JOINT} written: second.csv" in done.stdout
    assert table.read_bytes() == write_csv(list(REGISTRY.documents[JOINT].items)[:-1])
    same = ("--catalog", JOINT, "--after", document, "--from", "2027-01-01", "--output", file)
    assert len(onecard("catalog", "draft", table, *same).stdout.splitlines()) == 1


def test_a_draft_tells_what_it_changes(document: Path, tmp_path: Path) -> None:
    """Whoever drafts by an old table sees that it takes back what the version before has brought."""
    table = tmp_path / "old.csv"
    rows = [write_row(item) for item in REGISTRY.documents[JOINT].items]
    rows[0]["note"] = "x"
    table.write_bytes(write_csv(rows[:1] + rows[2:]))
    drafted = onecard(
        "catalog", "draft", table, "--catalog", JOINT, "--after", document, "--from", "2027-01-01",
        "--output", tmp_path / "third.json",
    )  # fmt: skip
    names = [row["item_id"] for row in rows]
    assert [line.strip() for line in drafted.stdout.splitlines()[1:]] == [
        f"added: {names[-1]}",
        f"changed: {names[0]}",
        f"taken away: {names[1]}",
    ]


def test_the_version_of_a_gateway_is_exported_and_drafted_on(layout: Layout, document: Path, tmp_path: Path) -> None:
    """What was published there and signed by all, not what ships; what lacks a signature does not count."""
    shelf = FileCatalogs(load_settings(layout.config("sichuan")).trust.state / "catalogs", REGISTRY.taxonomy)
    plain = json.loads(document.read_bytes())
    version, _ = read_document(plain, REGISTRY.taxonomy)
    assert version is not None
    ours, table = ("--config", layout.config("sichuan")), tmp_path / "now.csv"
    for signed_by, items in (("sichuan",), len(plain["items"]) + 1), (("chongqing", "sichuan"), len(plain["items"])):
        shelf.keep(version, document.read_bytes(), signatures=signed_by, signed_by=frozenset(signed_by))
        done = onecard("catalog", "export", JOINT, table, *ours)
        assert done.exit_code == 0, done.output
        assert f"{items} items of version" in done.stdout
    third = tmp_path / "third.json"
    drafted = onecard("catalog", "draft", table, "--catalog", JOINT, "--from", "2027-01-01", "--output", third, *ours)
    assert f"version 3 of {JOINT}" in drafted.stdout
    assert json.loads(third.read_bytes())["previous"] == canonical_digest(plain)
    assert "no such catalog" in refused("catalog", "export", "atlantis", table, *ours)


def test_a_draft_warns_of_lists_below_that_it_puts_out_of_order(tmp_path: Path) -> None:
    """Shenzhen's libraries on a list, where Guangdong now demands all of them; that is no fault of Guangdong's."""
    rows = [write_row(item) for item in REGISTRY.documents["guangdong"].items]
    next(row for row in rows if row["item_id"] == "GD-08")["venue_set"] = "all"
    table = tmp_path / "list.csv"
    table.write_bytes(write_csv(rows))
    given = ("--catalog", "guangdong", "--from", "2027-01-01", "--output", tmp_path / "next.json")
    drafted = onecard("catalog", "draft", table, *given)
    assert (drafted.exit_code, drafted.stdout.splitlines()[1:]) == (
        0,
        ["  changed: GD-08", "puts out of order, until their next versions follow: guangdong-shenzhen"],
    )


def test_a_draft_with_faults_is_none(tmp_path: Path) -> None:
    """Each fault by row and column, and no file; a list whose city drops what the province demands has one too."""
    rows = [write_row(item) for item in REGISTRY.documents[JOINT].items]
    rows[1]["media"] = "paper"
    table, file = tmp_path / "list.csv", tmp_path / "next.json"
    table.write_bytes(write_csv(rows))
    drafted = onecard("catalog", "draft", table, "--catalog", JOINT, "--from", "2026-12-01", "--output", file)
    assert drafted.exit_code == 1
    assert "6 items, 1 fault\n" in drafted.stdout
    assert [line.split()[1:6:2] for line in drafted.stdout.splitlines() if line.startswith("│")] == [
        ["3", "media", "closed_word"]
    ]
    table.write_bytes(write_csv([]))
    empty = onecard("catalog", "draft", table, "--catalog", JOINT, "--from", "2026-12-01", "--output", file)
    assert (empty.exit_code, "no row was found below the heading" in empty.stdout) == (1, True)
    page = tmp_path / "page.md"
    page.write_text("# Words\n\nand no table\n", "utf-8")
    wordy = onecard("catalog", "draft", page, "--catalog", JOINT, "--from", "2026-12-01", "--output", file)
    assert (wordy.exit_code, "no heading was recognized" in wordy.stdout) == (1, True)
    graph = tmp_path / "list.jsonld"
    graph.write_text('{"@graph": []}', "utf-8")
    shapeless = onecard("catalog", "draft", graph, "--catalog", JOINT, "--from", "2026-12-01", "--output", file)
    assert (shapeless.exit_code, "0 items, 1 fault\n" in shapeless.stdout) == (1, True)
    local = [write_row(item) for item in REGISTRY.documents["guangdong-shenzhen"].items]
    local[0]["overrides"] = "GD-99"
    table.write_bytes(write_csv(local))
    city = onecard(
        "catalog", "draft", table, "--catalog", "guangdong-shenzhen", "--from", "2026-12-01", "--output", file
    )
    assert city.exit_code == 1
    assert "overrides" in city.stdout
    assert not file.exists()


def test_both_parties_sign_and_anybody_can_check(layout: Layout, document: Path, tmp_path: Path) -> None:
    """One signature is not enough; the key set of the wrong region proves nothing; nor does a changed document."""
    ours, theirs = (keys_of(layout, region, tmp_path) for region in ("chongqing", "sichuan"))
    assert onecard("catalog", "check", document, ours, theirs).exit_code == 1
    signed = onecard("catalog", "sign", document, "--config", layout.config("chongqing"))
    assert signed.exit_code == 0, signed.output
    assert "chongqing has signed" in signed.stdout
    half = onecard("catalog", "check", document, ours, theirs)
    assert (half.exit_code, "chongqing: signed" in half.stdout) == (1, True)
    assert "sichuan: has not signed" in half.stdout
    assert (
        onecard("catalog", "sign", document, "--config", layout.config("sichuan"), "--home", "sichuan").exit_code == 0
    )
    assert onecard("catalog", "check", document, ours, theirs).exit_code == 0
    alone = onecard("catalog", "check", document, theirs)
    assert alone.exit_code == 1
    assert "signature 1 is not believed" in alone.stdout
    plain = json.loads(document.read_bytes())
    document.write_text(json.dumps(plain | {"effective_from": "2026-12-02"}), "utf-8")
    changed = onecard("catalog", "check", document, ours, theirs)
    assert changed.exit_code == 1
    assert "signature 2 is of something else" in changed.stdout


def test_keys_are_taken_from_an_entity_configuration_as_it_was_fetched(
    layout: Layout, document: Path, tmp_path: Path
) -> None:
    """It proves nothing about who wrote it, so the fingerprints are told; it counts for its own entity only."""
    onecard("catalog", "sign", document, "--config", layout.config("sichuan"))
    entity = load_settings(layout.config("sichuan")).home[0].entity
    key = SigningKey.from_pem((layout.home("sichuan") / "federation.pem").read_bytes(), issuer=entity.id)
    options = []
    for number, issuer in enumerate((entity.id, "https://elsewhere.onecard.test")):
        own = replace(key, issuer=issuer)
        about = EntityConfiguration(sub=issuer, version=1, iat=1_790_000_000, exp=1_790_086_400, keys=(own.public(),))
        file = tmp_path / f"{number}.jwt"
        file.write_text(sign_statement(about, key=own) + "\n", "ascii")
        options.append(f"--keys=sichuan={file}")
    theirs = keys_of(layout, "chongqing", tmp_path)
    good = onecard("catalog", "check", document, options[0], theirs)
    assert f"keys of {entity.id}, to be compared: {thumbprint(key.public().public_key)}" in good.stdout
    assert "sichuan: signed" in good.stdout
    wrong = onecard("catalog", "check", document, options[1], theirs)
    assert "signature 1 is not believed" in wrong.stdout
    (tmp_path / "page.html").write_text("<html>", "utf-8")
    assert "page.html: is no JWK set and no entity configuration" in refused(
        "catalog", "check", document, f"--keys=sichuan={tmp_path / 'page.html'}"
    )


def test_what_cannot_be_signed_is_told(layout: Layout, document: Path, tmp_path: Path) -> None:
    """A list of others, no document, a broken one, signatures that are no text."""
    of_guizhou = ("--config", layout.config("guizhou"))
    assert "next.json: is no list of guizhou" in refused("catalog", "sign", document, *of_guizhou)
    assert "none.json: cannot be read" in refused("catalog", "sign", tmp_path / "none.json", *of_guizhou)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**json.loads(document.read_bytes()), "items": [{}]}), "utf-8")
    assert "faults)" in refused("catalog", "sign", broken, *of_guizhou)
    keys = keys_of(layout, "sichuan", tmp_path)
    assert "none.jwks: cannot be read" in refused("catalog", "check", document, f"--keys=sichuan={tmp_path}/none.jwks")
    (tmp_path / "next.json.signatures").write_bytes(b"\xff")
    assert "next.json.signatures: cannot be read" in refused("catalog", "check", document, keys)
    assert "no such catalog" in refused(
        "catalog", "draft", tmp_path / "list.csv", "--catalog", "atlantis", "--from", "2026-12-01", "--output", broken
    )


class Gateway:
    """Takes what is published, or refuses it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.asked: list[pb.PublishCatalogRequest] = []
        self.tokens: list[str] = []
        self.answer: pb.PublishCatalogResponse | error_details_pb2.ErrorInfo | None = None

    def publish(self, request: pb.PublishCatalogRequest, context: Any) -> pb.PublishCatalogResponse:  # noqa: ANN401 - of any call
        """Answer as told."""
        self.asked.append(request)
        self.tokens.append(dict(context.invocation_metadata())["authorization"])
        if isinstance(self.answer, pb.PublishCatalogResponse):
            return self.answer
        if self.answer is not None:
            detail = AnyMessage()
            detail.Pack(self.answer)
            status = status_pb2.Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], details=[detail])
            context.set_trailing_metadata(((DETAILS, status.SerializeToString()),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no")
        raise AssertionError


@contextmanager
def listening(gateway: Gateway) -> Iterator[str]:
    """Run it over TLS, and give its address."""
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    handler = grpc.unary_unary_rpc_method_handler(
        gateway.publish,
        request_deserializer=pb.PublishCatalogRequest.FromString,
        response_serializer=pb.PublishCatalogResponse.SerializeToString,
    )
    service = pb.DESCRIPTOR.services_by_name["CatalogPublicationService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"PublishCatalog": handler}),))
    port = server.add_secure_port("localhost:0", AUTHORITY.credentials("localhost"))
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None).wait()


def test_a_version_is_published_with_the_signatures_beside_it(layout: Layout, document: Path, tmp_path: Path) -> None:
    """First on trial, then truly, then once more; who still has to sign is told."""
    onecard("catalog", "sign", document, "--config", layout.config("chongqing"))
    ca, gateway = tmp_path / "ca.pem", Gateway()
    ca.write_bytes(AUTHORITY.certificate)
    digest = canonical_digest(json.loads(document.read_bytes()))
    with listening(gateway) as address:
        given = ("catalog", "publish", document, "--gateway", address, "--ca", ca, "--token", "abc")
        gateway.answer = pb.PublishCatalogResponse(
            faults=[told.CatalogFault(row=2, column="media", rule="closed_word")]
        )
        tried = onecard(*given, "--dry-run")
        assert (tried.exit_code, "row 2 media: closed_word" in tried.stdout) == (1, True)
        assert "has 1 fault\n" in tried.stdout
        gateway.answer = pb.PublishCatalogResponse(version=told.CatalogVersion(digest=digest))
        sound = onecard(*given, "--dry-run").stdout
        assert f"{digest} has no fault" in sound
        assert "signature" not in sound
        gateway.answer.version.missing_signatures.append("sichuan")
        done = onecard(*given)
        assert (done.exit_code, f"{digest} is published" in done.stdout) == (0, True)
        assert "still to be signed by: sichuan" in done.stdout
        gateway.answer.out_of_order.append("catalogs/below")
        assert "puts out of order, until their next versions follow: below" in onecard(*given, "--dry-run").stdout
        gateway.answer.replayed = True
        assert "was known already" in onecard(*given).stdout
        document.with_name(document.name + ".signatures").unlink()
        assert "no signature was sent, and none was looked at" in onecard(*given, "--dry-run").stdout
    assert [request.dry_run for request in gateway.asked] == [True, True, False, True, False, True]
    assert {request.document for request in gateway.asked} == {document.read_bytes()}
    assert [len(request.signatures) for request in gateway.asked] == [1, 1, 1, 1, 1, 0]
    assert set(gateway.tokens) == {"Bearer abc"}


def test_a_refusal_is_told_by_its_reason(document: Path, tmp_path: Path) -> None:
    """And one without a reason, or no answer at all, as a gateway that cannot be reached."""
    ca, gateway = tmp_path / "ca.pem", Gateway()
    ca.write_bytes(AUTHORITY.certificate)
    with listening(gateway) as address:
        given = ("catalog", "publish", document, "--gateway", address, "--ca", ca, "--token", "abc")
        gateway.answer = error_details_pb2.ErrorInfo(reason="ROLLBACK", domain="onecard")
        assert "The gateway refused the version.\nROLLBACK" in refused(*given)
        gateway.answer = None
        assert "cannot be reached" in refused(*given)
    assert "cannot be reached" in refused(*given)
    assert "none.json: cannot be read" in refused(
        "catalog", "publish", tmp_path / "none.json", "--gateway", address, "--ca", ca, "--token", "abc"
    )


def test_the_first_day_is_a_day(tmp_path: Path) -> None:
    """Anything else is refused before anything is read."""
    wrong = onecard("catalog", "draft", tmp_path / "x.csv", "--catalog", JOINT, "--from", "soon", "--output", "y.json")
    assert wrong.exit_code == 2
