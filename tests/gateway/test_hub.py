"""One gateway with nine home regions answers as nine gateways do."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format

from adapters.registry import load_registry
from onecard.gateway.v1 import (
    catalog_service_pb2,
    identity_service_pb2,
    recognition_service_pb2,
    region_service_pb2,
)
from tests.sandbox_fixture.beside import gateway_beside
from tests.sandbox_fixture.calls import Gateway, Outcome
from tests.sandbox_fixture.cards import credential, issue_request, translate_request, vectors, verify_request
from tests.sandbox_fixture.running import REGIONS, RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc
    from google.protobuf.message import Message

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

# What belongs to the moment or to the process, and not to the answer.
MOMENTS = {"statusAsOf", "dataAge", "recognitionExpireTime", "issueTime", "expireTime", "tokenId", "nextPageToken"}
TOKEN_MOMENTS = {"iat", "nbf", "exp", "jti", "card_status_as_of", "request_hash"}
# To whose certificate a recognition is bound: within one gateway it goes over no connection.
TOKEN_PLACE = {"cnf"}
# A gateway of all regions follows what all of them publish.
PLACE = {"role", "trace_id", "notFollowedRegions"}

Request = tuple[str, "Message"]


@pytest.fixture(scope="module")
def hub(sandbox: RunningSandbox) -> Iterator[str]:
    """Run a gateway with all nine home regions; gives its address."""
    site, config = gateway_beside(sandbox, "hub", REGIONS, spare=0)
    process = sandbox.serve(config, web=f"http://{site.web}")
    yield site.grpc
    process.terminate()
    assert process.wait(30) == 0


def plain(value: Any, *, region: str, name: str = "") -> Any:  # noqa: ANN401 - a JSON value
    """Give a JSON value without what belongs to the moment or the process; a recognition is what it says.

    Of the agreements of others a gateway knows those of its own homes only: only those of the region are left.
    """
    if isinstance(value, dict):
        left = {
            key: plain(inner, region=region, name=key) for key, inner in value.items() if key not in MOMENTS | PLACE
        }
        return {key: inner for key, inner in left.items() if key != "agreements" or inner}
    if isinstance(value, list):
        own = [one for one in value if name != "agreements" or region in one["regions"]]
        return [plain(inner, region=region) for inner in own]
    return said(value) if name == "recognition" and isinstance(value, str) else value


def said(token: str) -> dict[str, object]:
    """Read what a recognition says."""
    payload = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    kept = {key: value for key, value in claims.items() if key not in TOKEN_MOMENTS | TOKEN_PLACE}
    match kept:
        case {"original": {"alg": algorithm}}:
            kept["original"] = algorithm
    return kept | {"status": "status" in kept}


def told(outcome: Outcome, region: str) -> tuple[grpc.StatusCode, Any, Any]:
    """Give all that an outcome says to a region: code, answers, and status with details."""
    answers = [plain(json_format.MessageToDict(reply), region=region) for reply in outcome.replies]
    return outcome.code, answers, plain(json_format.MessageToDict(outcome.status), region=region)


def regional(region: str) -> Iterator[Request]:
    """Give requests about regions and catalogs."""
    yield "RegionService/GetRegion", region_service_pb2.GetRegionRequest(name=f"regions/{region}")
    yield "RegionService/GetRegion", region_service_pb2.GetRegionRequest(name="regions/atlantis")
    yield "RegionService/ListRegions", region_service_pb2.ListRegionsRequest(page_size=4)
    yield "RegionService/ListRegions", region_service_pb2.ListRegionsRequest(page_token="forged")
    yield "CatalogService/ListCatalogs", catalog_service_pb2.ListCatalogsRequest()
    yield "CatalogService/GetCatalog", catalog_service_pb2.GetCatalogRequest(name=f"regions/{region}/catalog")
    for parent in (f"regions/{region}", "regions/-", "region"):
        yield "CatalogService/ListApplicationItems", catalog_service_pb2.ListApplicationItemsRequest(parent=parent)


def items(region: str) -> Iterator[Request]:
    """Give requests about each item of a region, and what it corresponds to everywhere."""
    for item in load_registry().get(region).catalog:
        name = f"regions/{region}/items/{item.item}"
        yield "CatalogService/GetApplicationItem", catalog_service_pb2.GetApplicationItemRequest(name=name)
        for target in REGIONS:
            request = catalog_service_pb2.TranslateApplicationItemRequest(name=name, target_region=target)
            yield "CatalogService/TranslateApplicationItem", request


def unreported(home: str) -> Iterator[tuple[str, Any]]:
    """Give the cards of a region but those that lines of the pages report to its gateway, and not to the hub."""
    return ((vector, told_of) for vector, told_of in vectors(home).items() if vector not in {"active_3", "leap_day"})


def cards(visited: str) -> Iterator[Request]:
    """Give requests about cards of all regions for some items of one: agreements, refusals and faults alike."""
    offered = [item.item for item in load_registry().get(visited).catalog]
    for home in (*REGIONS, "atlantis"):
        known = home if home in REGIONS else "chongqing"
        for item in (offered[0], offered[len(offered) // 2], "XX-99"):
            for consent in ("", "CONSENT-1"):
                request = verify_request(
                    home, item, request_id=f"hub-{home}-{item}-{consent}", shown=credential(known), consent=consent
                )
                yield "IdentityService/VerifyCard", request
    for vector, told_of in unreported(visited):
        if "social_security_number" in told_of["canonical"]["holder"]:
            request = verify_request(visited, offered[0], request_id=f"hub-{vector}", vector=vector)
            yield "IdentityService/VerifyCard", request
    yield "IdentityService/VerifyCard", identity_service_pb2.VerifyCardRequest()
    for home in REGIONS:
        issued = issue_request(visited, home, "SC-13", request_id=f"hub-issue-{home}")
        yield "RecognitionService/IssueRecognition", issued


def foreign_states(visited: str, home: str, item: str) -> Iterator[Request]:
    """Give requests about every cardholder of another region, whatever state the card is in."""
    for vector, told_of in unreported(home):
        if "social_security_number" in told_of["canonical"]["holder"]:
            request = verify_request(
                home, item, request_id=f"hub-{visited}-{vector}", vector=vector, consent="CONSENT-1"
            )
            yield "IdentityService/VerifyCard", request


def translations(region: str) -> Iterator[Request]:
    """Give requests to translate identities between one region and all others, and some that are no region's."""
    for other in (*REGIONS, "atlantis"):
        for source, target in ((region, other), (other, region)):
            if source in REGIONS:
                entries = [translate_request(source, target, vector) for vector in vectors(source)]
                batch = identity_service_pb2.BatchTranslateIdentitiesRequest(entries=entries)
                yield "IdentityService/BatchTranslateIdentities", batch
                yield "IdentityService/TranslateIdentity", entries[0]
    yield "IdentityService/TranslateIdentity", translate_request("macao", "xizang")


def compare(sandbox: RunningSandbox, hub: str, region: str, requests: Iterator[Request]) -> set[str]:
    """Send each request to the region's own gateway and to the hub; gives the codes that were seen."""
    seen = set()
    with (
        Gateway(sandbox, region) as own,
        Gateway(sandbox, region, address=hub, gateway="gateway.hub") as whole,
    ):
        for method, request in requests:
            alone, together = (gateway.call(method, request) for gateway in (own, whole))
            different = difference(told(alone, region), told(together, region))
            assert not different, (method, different)
            seen.add(alone.code.name)
    return seen


def difference(alone: Any, together: Any, *, place: str = "") -> str:  # noqa: ANN401 - JSON values
    """Name the first place where two answers differ, and what is there.

    pytest would show that too, but to lay long answers side by side takes it longer than a test may.
    """
    match alone, together:
        case {}, {} if alone.keys() == together.keys():
            pairs = [(f"{place}.{key}", inner, together[key]) for key, inner in alone.items()]
        case ((list() | tuple()), (list() | tuple())) if len(alone) == len(together):
            pairs = [(f"{place}[{n}]", *both) for n, both in enumerate(zip(alone, together, strict=True))]
        case _:
            return "" if alone == together else f"{place}: alone {alone!r:.500}, together {together!r:.500}"
    return next(filter(None, (difference(one, other, place=name) for name, one, other in pairs)), "")


each_region = pytest.mark.parametrize("region", REGIONS)


@each_region
def test_regions_and_catalogs_are_the_same(sandbox: RunningSandbox, hub: str, region: str) -> None:
    """Regions, catalogs and items are told alike, errors included."""
    assert compare(sandbox, hub, region, regional(region)) == {"OK", "NOT_FOUND", "INVALID_ARGUMENT"}


@each_region
def test_items_correspond_alike(sandbox: RunningSandbox, hub: str, region: str) -> None:
    """Every item of a region corresponds to the same in all regions."""
    assert compare(sandbox, hub, region, items(region)) == {"OK"}


@each_region
def test_cards_are_judged_alike(sandbox: RunningSandbox, hub: str, region: str) -> None:
    """Cards of all regions, in every state of the region's own, get the same verdict or the same refusal."""
    assert {"OK", "NOT_FOUND", "INVALID_ARGUMENT"} < compare(sandbox, hub, region, cards(region))


@pytest.mark.parametrize(
    ("visited", "home", "item"),
    [
        *(("sichuan", "chongqing", "SC-13"), ("chongqing", "sichuan", "CQ-30"), ("chongqing", "guizhou", "CQ-30")),
        *(("chongqing", "xizang", "CQ-30"), ("guangdong", "macao", "GD-07"), ("macao", "hongkong", "MO-01")),
    ],
)
def test_foreign_cards_are_judged_alike(sandbox: RunningSandbox, hub: str, visited: str, home: str, item: str) -> None:
    """Every card of a region in agreement gets the same verdict, identity, losses and recognition over either way."""
    assert "OK" in compare(sandbox, hub, visited, foreign_states(visited, home, item))


@each_region
def test_identities_are_translated_alike(sandbox: RunningSandbox, hub: str, region: str) -> None:
    """Every cardholder's record is translated alike into every form, and refused alike."""
    assert {"OK", "NOT_FOUND"} <= compare(sandbox, hub, region, translations(region))


def test_platform_faults_are_told_alike(sandbox: RunningSandbox, hub: str) -> None:
    """What a broken platform of the home region makes of a call is told alike from near and from afar."""
    try:
        for mode in ("down", "html", "http_500", "garbled"):
            sandbox.fault("chongqing", mode)
            request = verify_request("chongqing", "SC-13", request_id=f"hub-fault-{mode}")
            seen = compare(sandbox, hub, "sichuan", iter([("IdentityService/VerifyCard", request)]))
            assert seen == {"UNAVAILABLE"}
            sandbox.fault("chongqing", "none")
            request = verify_request("chongqing", "SC-13", request_id=f"hub-well-{mode}")
            assert compare(sandbox, hub, "sichuan", iter([("IdentityService/VerifyCard", request)])) == {"OK"}
    finally:
        sandbox.fault("chongqing", "none")


def test_a_recognition_is_believed_where_its_status_can_be_asked(sandbox: RunningSandbox, hub: str) -> None:
    """Recognitions of the hub are believed there, those of the federation in the federation.

    Across, both sign with the keys of one region, so the signature is proven; but the hub is another entity, and a list
    of what was taken back that lies elsewhere than the known entity's is never asked: the recognition is refused.
    """
    with (
        Gateway(sandbox, "chongqing", address=hub, gateway="gateway.hub") as hub_home,
        Gateway(sandbox, "chongqing") as own_home,
        Gateway(sandbox, "sichuan") as visited,
        Gateway(sandbox, "sichuan", address=hub, gateway="gateway.hub") as hub_visited,
    ):
        for number, (home, near, far) in enumerate(
            ((hub_home, hub_visited, visited), (own_home, visited, hub_visited))
        ):
            asked = issue_request("chongqing", "sichuan", "SC-13", request_id=f"hub-cross-{number}")
            issued = home.call("RecognitionService/IssueRecognition", asked).reply
            shown = verification(issued.recognition)
            refused = far.call("RecognitionService/VerifyRecognition", shown)
            assert (refused.code.name, refused.reason) == ("UNAVAILABLE", "RECOGNITION_STATUS_UNKNOWN")
            believed = near.call("RecognitionService/VerifyRecognition", shown).reply
            assert believed.claims.subject == issued.claims.subject


def verification(recognition: str) -> Message:
    """Ask whether a recognition is to be believed."""
    return recognition_service_pb2.VerifyRecognitionRequest(recognition=recognition)
