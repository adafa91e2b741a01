"""What a caller is told when something is wrong, and that all is well again afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from gateway.reasons import Language, load_reasons, text_in
from gateway.sandbox.story import CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_main import asked
from gateway.sandbox.story_requests import by_number, by_others_number, by_wrong_number, verify
from gateway.sandbox.story_words import attempt, localized, verdict
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1 import region_pb2, region_service_pb2
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Play, Stage

_ALLOWED = "identity allowed; card active; recognition and identity"
_UNKNOWN = "NOT_FOUND UNKNOWN_REGION, failed by caller"
_AGAIN_SECONDS = 15.0
_PAUSE_SECONDS = 0.2


def error_chapter() -> Chapter:
    """Give the steps about errors."""
    return Chapter("Errors", (*_caller_steps(), *_outage_steps()))


def _step(title: str, home: str, expected: str, play: Play, *, asks: str = "sichuan") -> Step:
    return Step(title=title, asks=asks, home=home, expected=expected, play=play)


def _caller_steps() -> Iterable[Step]:
    """What the caller can put right, or the parties of an agreement."""

    def one(title: str, request: pb.VerifyCardRequest, expected: str) -> Step:
        return asked(title, "sichuan", request, expected)

    number = by_number("chongqing")
    yield one(
        "unknown region",
        verify("atlantis", "SC-13", number),
        _UNKNOWN,
    )
    yield one(
        "no agreement between the regions",
        verify("guangdong", "SC-13", by_number("guangdong")),
        "PERMISSION_DENIED NO_AGREEMENT, failed by agreement",
    )
    yield one(
        "wrong check digit",
        verify("chongqing", "SC-13", by_wrong_number("chongqing")),
        "INVALID_ARGUMENT MALFORMED_NUMBER, failed by caller; "
        "credential.card_number.social_security_number: check_digit",
    )
    yield one("unknown item", verify("chongqing", "SC-99", number), "NOT_FOUND UNKNOWN_ITEM, failed by caller")
    yield one(
        "an empty request: every fault at once",
        pb.VerifyCardRequest(),
        "INVALID_ARGUMENT INVALID_FIELD, failed by caller; home_region: required; credential: required; "
        "request_id: required; visited_item: required; medium: required; purpose: required",
    )
    yield one(
        "a card that Chongqing does not know",
        verify("chongqing", "SC-13", by_number("sichuan")),
        "NOT_FOUND CARD_NOT_FOUND, failed by caller",
    )
    yield one(
        "another holder's number",
        verify("chongqing", "SC-13", by_others_number("chongqing")),
        "NOT_FOUND CARD_NOT_FOUND, failed by caller",
    )
    yield _step("no token", "chongqing", "UNAUTHENTICATED UNAUTHENTICATED, failed by caller", _no_token)
    yield _step(
        "one error in four languages",
        "atlantis",
        "\n".join(f"{language.value}: {_sentence(language)}" for language in Language),
        _four_languages,
    )


async def _no_token(stage: Stage) -> str:
    async with stage.stranger("sichuan") as channel:
        request = verify("chongqing", "SC-13", by_number("chongqing"))
        return verdict(await IdentityServiceStub(channel).VerifyCard(request, timeout=CALL_SECONDS))


async def _four_languages(stage: Stage) -> str:
    async def ask(language: Language) -> str:
        request = verify("atlantis", "SC-13", by_number("chongqing"))
        metadata = (("accept-language", language.value),)
        try:
            answer = await stage.identity("sichuan").VerifyCard(request, metadata=metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            return localized(error)
        return verdict(answer)

    return "\n".join([await ask(language) for language in Language])


def _sentence(language: Language) -> str:
    """Give what is to be told of an unknown region: what happened, then what to do."""
    reason = load_reasons().get("UNKNOWN_REGION")
    space = " " if language in {Language.EN, Language.PT} else ""
    return f"{text_in(reason.message, language)}{space}{text_in(reason.remedy, language)}"


def _outage_steps() -> Iterable[Step]:
    """What lies with others: Chongqing's platform, and Chongqing's gateway."""
    yield _step(
        "Chongqing's platform is down",
        "chongqing",
        "UNAVAILABLE PLATFORM_UNAVAILABLE, failed by platform; try again later",
        _with_fault("down"),
    )
    yield _step(
        "Chongqing's platform answers an HTML page with 200",
        "chongqing",
        "UNAVAILABLE BAD_UPSTREAM, failed by platform; try again later",
        _with_fault("html"),
    )
    yield _step("Chongqing's platform is back", "chongqing", _ALLOWED, _ask)
    yield _step(
        "Chongqing's gateway is stopped",
        "chongqing",
        "it ends with code 0; UNAVAILABLE PEER_UNAVAILABLE, failed by peer; try again later; "
        "ListRegions says of chongqing reachability_down",
        _stopped,
    )
    yield _step(
        "Chongqing's gateway is started again",
        "chongqing",
        _ALLOWED,
        _started,
    )


async def _ask(stage: Stage) -> str:
    request = verify("chongqing", "SC-13", by_number("chongqing"))
    return verdict(await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS))


def _with_fault(fault: str) -> Play:
    async def play(stage: Stage) -> str:
        await stage.switch("chongqing", fault)
        try:
            return await _ask(stage)
        finally:
            await stage.switch("chongqing", "none")

    return play


async def _stopped(stage: Stage) -> str:
    code = await stage.federation.stop("chongqing")
    told = await attempt(_ask(stage))
    listed = await stage.regions("sichuan").ListRegions(region_service_pb2.ListRegionsRequest(), timeout=CALL_SECONDS)
    (home,) = (one for one in listed.regions if one.region == "chongqing")
    reach = region_pb2.Reachability.Name(home.reachability).lower()
    return f"it ends with code {code}; {told}; ListRegions says of chongqing {reach}"


async def _started(stage: Stage) -> str:
    """Ask until the gateway is reached again, as the advice to try later says."""
    await stage.federation.start("chongqing")
    last = asyncio.get_running_loop().time() + _AGAIN_SECONDS
    told = await attempt(_ask(stage))
    while "PEER_UNAVAILABLE" in told and asyncio.get_running_loop().time() < last:
        await asyncio.sleep(_PAUSE_SECONDS)
        told = await attempt(_ask(stage))
    return told
