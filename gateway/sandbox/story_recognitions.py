"""The recognition token, verified by the contract and by any JWT library, good once, good for one, taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jwt

from gateway.sandbox.story import ASIDE, CALL_SECONDS, Chapter, Step, new_id
from gateway.sandbox.story_keys import wait_until
from gateway.sandbox.story_requests import by_number, verify
from gateway.sandbox.story_words import attempt, claims
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import recognition_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Play, Stage


def recognition_chapter() -> Chapter:
    """Give the steps about recognitions."""
    return Chapter("The recognition that Chongqing signs for Sichuan", tuple(_steps()))


def _step(title: str, expected: str, play: Play, *, asks: str = "sichuan") -> Step:
    return Step(title=title, asks=asks, home="chongqing", expected=expected, play=play)


def _steps() -> Iterable[Step]:
    yield _step(
        "VerifyRecognition by Sichuan",
        "chongqing to sichuan: SC-13 = CQ-30, identity",
        _verified,
    )
    yield _step(
        "verified by PyJWT with the keys at Chongqing's web address",
        "onecard-recognition+jwt ES256: chongqing to sichuan, SC-13, card active, no name or number",
        _verified_by_pyjwt,
    )
    yield _step(
        "one altered character",
        "UNAUTHENTICATED BAD_SIGNATURE, failed by caller",
        _altered,
    )
    yield _step(
        "shown to Xizang, for which it is not meant",
        "UNAUTHENTICATED AUDIENCE, failed by caller",
        _shown_elsewhere,
        asks="xizang",
    )
    yield _step(
        "for a payment 公交 it is good once",
        "chongqing to sichuan: SC-11 = CQ-29, identity+payment, good once; then UNAUTHENTICATED REPLAY",
        _shown_twice,
    )
    yield _step(
        "IssueRecognition: Chongqing hands one over itself",
        "chongqing to sichuan: SC-15 = CQ-31, identity",
        _issued,
        asks="chongqing",
    )
    yield _step(
        "RevokeRecognition: Chongqing takes it back",
        "chongqing to sichuan: SC-15 = CQ-31, identity; 1 taken back; then UNAUTHENTICATED RECOGNITION_REVOKED",
        _taken_back,
        asks="chongqing",
    )


async def _recognition(stage: Stage, item: str, purpose: card_pb2.Purpose.ValueType) -> str:
    request = verify("chongqing", item, by_number("chongqing"), purpose=purpose)
    return (await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS)).recognition


async def _library(stage: Stage) -> str:
    return await _recognition(stage, "SC-13", card_pb2.PURPOSE_SERVICE_ACCESS)


async def shown(stage: Stage, region: str, token: str) -> str:
    """Show a recognition to a region's gateway, and tell what it says."""
    request = pb.VerifyRecognitionRequest(recognition=token)
    return claims((await stage.recognition(region).VerifyRecognition(request, timeout=CALL_SECONDS)).claims)


async def _verified(stage: Stage) -> str:
    return await shown(stage, "sichuan", await _library(stage))


async def _verified_by_pyjwt(stage: Stage) -> str:
    token = await _library(stage)
    keys = jwt.PyJWKSet.from_dict(await stage.published_keys("chongqing"))
    header = jwt.get_unverified_header(token)
    try:
        said = jwt.decode(
            token, keys[header["kid"]], algorithms=["ES256"], audience="sichuan", issuer="chongqing", leeway=5
        )
    except (jwt.PyJWTError, KeyError) as error:
        return f"not verified: {type(error).__name__}"
    number = by_number("chongqing").card_number
    personal = ("测试甲", number.card_number, number.social_security_number)
    bare = "A NAME OR NUMBER" if any(one in str(said) for one in personal) else "no name or number"
    where = f"{said['iss']} to {said['aud']}, {said['item']}, card {said['card_status']}"
    return f"{header['typ']} {header['alg']}: {where}, {bare}"


async def _altered(stage: Stage) -> str:
    head, body, signature = (await _library(stage)).split(".")
    other = "A" if signature[0] != "A" else "B"
    return await shown(stage, "sichuan", f"{head}.{body}.{other}{signature[1:]}")


async def _shown_elsewhere(stage: Stage) -> str:
    return await shown(stage, "xizang", await _library(stage))


async def _shown_twice(stage: Stage) -> str:
    token = await _recognition(stage, "SC-11", card_pb2.PURPOSE_FEE_PAYMENT)
    first = await shown(stage, "sichuan", token)
    second = await attempt(shown(stage, "sichuan", token))
    return f"{first}; then {second.partition(',')[0]}"


async def _issued(stage: Stage) -> str:
    return await shown(stage, "sichuan", (await _handed_over(stage)).recognition)


async def _taken_back(stage: Stage) -> str:
    """Take back a recognition that Sichuan has accepted, and measure how long it still does."""
    issued = await _handed_over(stage)
    before = await shown(stage, "sichuan", issued.recognition)
    request = pb.RevokeRecognitionRequest(token_id=issued.claims.token_id)
    answer = await stage.recognition("chongqing").RevokeRecognition(request, timeout=CALL_SECONDS)
    begun, after = time.monotonic(), ""

    async def is_refused() -> bool:
        nonlocal after
        after = await attempt(shown(stage, "sichuan", issued.recognition))
        return after != before

    await wait_until(is_refused)
    aside = f"{ASIDE}refused after {time.monotonic() - begun:.1f} s"
    return f"{before}; {answer.revoked_count} taken back; then {after.partition(',')[0]}{aside}"


async def _handed_over(stage: Stage) -> pb.IssueRecognitionResponse:
    request = pb.IssueRecognitionRequest(
        request_id=new_id(),
        visited_region="sichuan",
        credential=by_number("chongqing"),
        medium=card_pb2.MEDIUM_PHYSICAL,
        visited_item="SC-15",
        purpose=card_pb2.PURPOSE_SERVICE_ACCESS,
    )
    return await stage.recognition("chongqing").IssueRecognition(request, timeout=CALL_SECONDS)
