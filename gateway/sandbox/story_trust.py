"""Trust at work: joining, recognising, rotating, revoking, counter-signing, and stopping an agreement.

What an operator does is done by the command itself. This chapter comes last, because some of it cannot be taken back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import jwt

from gateway.sandbox import by_hand
from gateway.sandbox.story import CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_command import anew, onecard, pinned
from gateway.sandbox.story_keys import replaced, revoked, rotated
from gateway.sandbox.story_requests import CONSENT, by_number, verify
from gateway.sandbox.story_words import attempt, verdict
from trust.errors import SuiteUnavailableError
from trust.sm2_choice import choose_provider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Play, Stage
    from gateway.sandbox.story_command import Ended
    from onecard.gateway.v1 import identity_service_pb2 as pb

_ALLOWED = "identity allowed; card active; recognition and identity"
_STOPPED = "PERMISSION_DENIED AGREEMENT_STOPPED, failed by agreement"
_OF_NOBODY = "A" * 43
"""A fingerprint that no key has."""


def trust_chapter() -> Chapter:
    """Give the steps about trust."""
    return Chapter("Trust", (*_join_steps(), _proof_step(), *_key_steps(), _national_step(), _stop_step()))


def _step(title: str, expected: str, play: Play, *, asks: str = "chongqing", home: str) -> Step:
    return Step(title=title, asks=asks, home=home, expected=expected, play=play)


def _join_steps() -> Iterable[Step]:
    """Only those are believed for whom the body of their agreement vouches."""
    yield _step(
        "the agreement's body withdraws Guizhou: who asks anew does not believe it",
        "exit 1, not believed: https://anchors.onecard.test/chongqing-guizhou: "
        "A document of the federation could not be fetched. (status, 404)",
        _withdrawn,
        home="guizhou",
    )
    yield _step(
        "who believed it before does so until the statement ends 博物馆",
        _ALLOWED,
        lambda stage: _ask(stage, "chongqing", verify("guizhou", "CQ-31", by_number("guizhou"))),
        home="guizhou",
    )
    yield _step(
        "Guizhou asks to join, and is admitted by the fingerprint of its key",
        "another fingerprint: exit 2, The key of the token is not known.; its own: exit 0; then exit 0, believed",
        _joined,
        home="guizhou",
    )
    yield _step(
        "trust explain: why Sichuan believes Chongqing",
        "exit 0, believed: 3 statements hold",
        _explained,
        asks="sichuan",
        home="chongqing",
    )


def _proof_step() -> Step:
    return _step(
        "from the anchor's fingerprint to a recognition, by PyJWT alone",
        "5 signatures hold: chongqing to sichuan, SC-13, under sichuan-chongqing, not taken back",
        _proven_by_hand,
        asks="sichuan",
        home="chongqing",
    )


def _key_steps() -> Iterable[Step]:
    yield _step(
        "Chongqing rotates its key while Sichuan asks: stage, switch, retire",
        "exit 0, exit 0, exit 0; 2 keys have signed; 0 calls failed",
        rotated,
        asks="sichuan",
        home="chongqing",
    )
    yield _step(
        "a key of Xizang leaks and is revoked: what it signed is refused at once",
        "xizang to chongqing: CQ-31 = XZ-04, identity; exit 0; then UNAUTHENTICATED KEY_REVOKED, failed by caller",
        revoked,
        home="xizang",
    )
    yield _step(
        "Xizang takes a new key, and its cards count again 博物馆",
        f"exit 0, exit 0, exit 0; {_ALLOWED}",
        replaced,
        home="xizang",
    )


def _national_step() -> Step:
    """Where no library for SM2 is there, the sandbox signs nothing in it, and the step says just that."""
    title = "Guangdong signs in SM2 and counter-signs for Hong Kong"
    expected = "ES256 for an original in SGD_SM3_SM2; exit 0, both say the same: guangdong to hongkong, item HK-03"
    play = _countersigned
    try:
        choose_provider()
    except SuiteUnavailableError:
        expected = "no library for SM2 is here, so that nothing is counter-signed"
        play = _without_national
    return _step(title, expected, play, asks="hongkong", home="guangdong")


def _stop_step() -> Step:
    return _step(
        "one command stops the agreement with Xizang, and no other",
        f"exit 0; chongqing: {_STOPPED}; xizang: {_STOPPED}; sichuan, of chongqing: {_ALLOWED}",
        _stopped,
        home="xizang",
    )


async def _ask(stage: Stage, asks: str, request: pb.VerifyCardRequest) -> str:
    return verdict(await stage.identity(asks).VerifyCard(request, timeout=CALL_SECONDS))


def _belief(ended: Ended) -> str:
    """Tell what `trust explain` concludes; until when is left away."""
    return f"exit {ended.code}, {ended.after('=>').partition(' until ')[0]}"


async def _withdrawn(stage: Stage) -> str:
    anchor, entity = stage.layout.anchor("chongqing-guizhou").entity, stage.site("guizhou").entity
    await onecard("anchor", "withdraw", anchor, entity, "--config", stage.layout.anchors_config)
    return _belief(await onecard("trust", "explain", "guizhou", "--config", anew(stage, "chongqing")))


async def _joined(stage: Stage) -> str:
    anchor, entity = stage.layout.anchor("chongqing-guizhou").entity, stage.site("guizhou").entity
    admit = ("anchor", "admit", anchor, entity, "--config", stage.layout.anchors_config, "--fingerprint")
    asked, wrong = await asyncio.gather(
        onecard("federation", "join", "--config", anew(stage, "guizhou")), onecard(*admit, _OF_NOBODY)
    )
    right = await onecard(*admit, asked.after("fingerprint"))
    belief = _belief(await onecard("trust", "explain", "guizhou", "--config", anew(stage, "chongqing")))
    return f"another fingerprint: exit {wrong.code}, {wrong.words}; its own: exit {right.code}; then {belief}"


async def _explained(stage: Stage) -> str:
    ended = await onecard("trust", "explain", "chongqing", "--config", stage.layout.config("sichuan"))
    return f"{_belief(ended)}: {ended.told.count('  holds ')} statements hold"


async def _proven_by_hand(stage: Stage) -> str:
    """Take from the configuration what a partner has beforehand, the fingerprint; fetch and prove all else."""
    body, site = stage.layout.anchor("sichuan-chongqing"), stage.site("chongqing")
    anchor, entity = by_hand.Place(body.entity, body.address), by_hand.Place(site.entity, f"http://{site.web}")
    mark = pinned(stage, "sichuan", body.agreement)
    request = verify("chongqing", "SC-13", by_number("chongqing"))
    token = (await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS)).recognition
    fetch = stage.document
    try:
        keys = await by_hand.region_keys(fetch, anchor=anchor, pinned=mark, entity=entity, region="chongqing")
        said = await by_hand.recognition(fetch, token, keys, entity=entity, home="chongqing", visited="sichuan")
    except by_hand.NotProvenError as error:
        return f"not proven: {error}"
    where = f"{said['iss']} to {said['aud']}, {said['item']}, under {said['agreement']}"
    return f"5 signatures hold: {where}, not taken back"


async def _countersigned(stage: Stage) -> str:
    request = verify("guangdong", "HK-03", by_number("guangdong", "hk_resident"), consent=CONSENT)
    token = (await stage.identity("hongkong").VerifyCard(request, timeout=CALL_SECONDS)).recognition
    algorithm = jwt.get_unverified_header(token)["alg"]
    said = jwt.decode(token, options={"verify_signature": False})  # the gateway has believed it; this is to look at it
    ended = await onecard("recognition", "prove", said["jti"], "--config", stage.layout.config("guangdong"))
    original = said.get("original", {}).get("alg", "NOTHING")
    proof = ended.after("both say the same:")
    return f"{algorithm} for an original in {original}; exit {ended.code}, both say the same: {proof}"


async def _without_national(stage: Stage) -> str:
    """See that Guangdong is not said to counter-sign."""
    counter_signs = "[home.partner]" in stage.layout.config("guangdong").read_text("utf-8")
    return "IT COUNTER-SIGNS" if counter_signs else "no library for SM2 is here, so that nothing is counter-signed"


async def _stopped(stage: Stage) -> str:
    ended = await onecard("federation", "stop", "chongqing-xizang", "--config", stage.layout.config("chongqing"))
    questions = (
        ("chongqing", verify("xizang", "CQ-31", by_number("xizang"))),
        ("xizang", verify("chongqing", "XZ-04", by_number("chongqing"))),
        ("sichuan", verify("chongqing", "SC-13", by_number("chongqing"))),
    )
    one, other, third = await asyncio.gather(*(attempt(_ask(stage, *question)) for question in questions))
    return f"exit {ended.code}; chongqing: {one}; xizang: {other}; sichuan, of chongqing: {third}"
