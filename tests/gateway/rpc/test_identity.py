"""IdentityService: one card or many, with the verdict in the caller's language and no more identity than is wanted."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.errors import CardNotFoundError
from gateway.errors import PeerUnavailableError
from gateway.reasons import Actor, Language, load_reasons, text_in
from gateway.rpc.convert_verdict import ACTOR
from onecard.gateway.v1 import card_pb2, catalog_pb2, verdict_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from tests.fakes.callers import HOME_PLATFORM, PEER, PLATFORM, bearer, callers
from tests.fakes.clock import NOON
from tests.fakes.home import FakeHome
from tests.fakes.node import FakeNode, channel_to
from tests.fakes.regions import RECOGNITIONS, REGISTRY, record
from tests.gateway.rpc.requests import translate, verify
from tests.gateway.rpc.told import refused, told_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLANTED = ("500112190302110117", "A00000001", "测试甲", "SYN-CQ-00000001", "500106D156000001052E0A23070F3578")


@asynccontextmanager
async def identity_stub(node: FakeNode) -> AsyncIterator[Any]:
    """Start a node and give a stub of its IdentityService."""
    async with channel_to(node.server()) as channel:
        yield IdentityServiceStub(channel)


async def test_a_card_is_verified_with_everything_that_was_agreed() -> None:
    """Verdict, identity in both forms, losses, and a recognition that verifies."""
    node = FakeNode()
    node.platform.age_seconds = 12.5
    async with identity_stub(node) as stub:
        reply = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock, language="en"))
    verdict = reply.verdict
    assert (verdict.home_region, verdict.visited_region) == ("chongqing", "sichuan")
    assert [one.decision for one in verdict.classes] == [1, 4, 4]
    assert verdict.card_status == card_pb2.CARD_STATUS_ACTIVE
    assert (verdict.status_as_of.seconds, verdict.status_as_of.nanos) == (int(NOON) - 13, 500_000_000)
    assert (verdict.data_age.seconds, verdict.data_age.nanos) == (12, 500_000_000)
    assert verdict.item.relation == catalog_pb2.RELATION_EXACT
    assert verdict.item.items[0].item.item == "CQ-31"
    assert (verdict.agreement, verdict.agreement_title.en[:7]) == ("sichuan-chongqing", "Sichuan")
    assert reply.identity.holder.name == "测试甲"
    assert not reply.identity.holder.documents
    assert reply.regional_identity.fields["AAC002"] == "500112190302110117"
    assert [(loss.field, loss.kind) for loss in reply.losses] == [("holder.nationality", card_pb2.LOSS_KIND_DROPPED)]
    claims = RECOGNITIONS.verify(reply.recognition, audience="sichuan", now=int(NOON)).claims
    assert reply.recognition_expire_time.seconds == claims.exp == int(NOON) + 600
    assert not reply.replayed


@pytest.mark.parametrize(
    ("view", "canonical", "regional"),
    [
        (pb.IDENTITY_VIEW_UNSPECIFIED, True, True),
        (pb.IDENTITY_VIEW_FULL, True, True),
        (pb.IDENTITY_VIEW_CANONICAL, True, False),
        (pb.IDENTITY_VIEW_REGIONAL, False, True),
        (pb.IDENTITY_VIEW_NONE, False, False),
    ],
)
async def test_the_view_bounds_what_comes_back(
    view: pb.IdentityView.ValueType, *, canonical: bool, regional: bool
) -> None:
    """The recognition comes in every view."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        reply = await stub.VerifyCard(verify(view=view), metadata=bearer(PLATFORM, node.clock))
    assert (reply.HasField("identity"), reply.HasField("regional_identity")) == (canonical, regional)
    assert bool(reply.losses) is regional
    assert reply.recognition


@pytest.mark.parametrize("language", Language)
async def test_a_refusal_says_why_and_who_must_act_in_the_callers_language(language: Language) -> None:
    """No identity and no recognition, but reason, message, actor and remedy."""
    node = FakeNode()
    node.platform.record = record("chongqing", "lost_formal")
    metadata = bearer(PLATFORM, node.clock, language=language.value)
    async with identity_stub(node) as stub:
        reply = await stub.VerifyCard(verify("lost_formal"), metadata=metadata)
    first = reply.verdict.classes[0]
    reason = load_reasons().get("CARD_LOST_FORMAL")
    assert (first.decision, first.reason) == (verdict_pb2.DECISION_REFUSED, "CARD_LOST_FORMAL")
    assert (first.message, first.remedy) == (text_in(reason.message, language), text_in(reason.remedy, language))
    assert first.actor == ACTOR[reason.actor] == verdict_pb2.ACTOR_HOLDER
    assert not (reply.HasField("identity"))
    assert not (reply.HasField("regional_identity"))
    assert not (reply.losses)
    assert reply.recognition == ""
    assert not reply.HasField("recognition_expire_time")


async def test_what_is_allowed_needs_no_remedy() -> None:
    """OK has a message, no actor and nothing to do."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        reply = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock, language="en"))
    first = reply.verdict.classes[0]
    assert (first.reason, first.remedy, first.actor) == ("OK", "", ACTOR[Actor.NONE])
    assert first.message


async def test_use_at_home_gives_the_whole_identity_and_no_recognition() -> None:
    """The caller's own region is the home region."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        reply = await stub.VerifyCard(verify(visited_item="CQ-31"), metadata=bearer(HOME_PLATFORM, node.clock))
    assert reply.identity.holder.documents[0].number == "500112190302110117"
    assert reply.recognition == ""
    assert (reply.verdict.agreement, reply.verdict.HasField("agreement_title")) == ("", False)


async def test_a_repeated_request_is_replayed_and_another_one_under_its_id_refused() -> None:
    """One look-up; the view is part of the question; callers do not share ids."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        first = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        again = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        for other in (verify(visited_item="SC-16"), verify(view=pb.IDENTITY_VIEW_NONE)):
            told = await refused(stub.VerifyCard(other, metadata=bearer(PLATFORM, node.clock)))
            assert (told.code, told.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
        assert len(node.platform.asked) == 1
        mine = await stub.VerifyCard(verify(), metadata=bearer(PEER, node.clock))
    assert again.replayed
    again.replayed = False
    assert again == first
    assert not mine.replayed
    assert len(node.platform.asked) == 2


async def test_a_replayed_answer_keeps_the_day_of_its_correspondence() -> None:
    """An answer of yesterday that is repeated after midnight is written as of yesterday."""
    node = FakeNode()
    node.clock.now = NOON + 12 * 3600 - 1
    async with identity_stub(node) as stub:
        first = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        node.clock.advance(2)
        again = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock, language="pt"))
    assert again.replayed
    assert again.verdict.item == first.verdict.item


async def test_the_item_can_be_left_out() -> None:
    """A caller that has the catalogs needs no bytes for it; everything else is the same, and so is the request."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        with_item = await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        without = await stub.VerifyCard(verify(omit_item=True), metadata=bearer(PLATFORM, node.clock))
    assert with_item.verdict.HasField("item")
    assert not without.verdict.HasField("item")
    assert without.replayed
    with_item.verdict.ClearField("item")
    with_item.replayed = True
    assert without == with_item


async def test_gateways_are_answered_for_own_regions_only() -> None:
    """A peer that asks about a third region's card is refused; a platform is not."""
    node = FakeNode()
    node.homes["guizhou"] = FakeHome(PeerUnavailableError(region="guizhou"))
    asked = verify(home_region="guizhou")
    async with identity_stub(node) as stub:
        told = await refused(stub.VerifyCard(asked, metadata=bearer(PEER, node.clock)))
        assert (told.code, told.reason, told.metadata["region"]) == ("PERMISSION_DENIED", "NOT_TRANSITIVE", "guizhou")
        own = await stub.VerifyCard(verify(), metadata=bearer(PEER, node.clock))
        assert own.verdict.visited_region == "sichuan"


async def test_personal_data_reach_neither_log_nor_error() -> None:
    """Wrong numbers, refused cards and found cards: the log has none of their data, the errors neither."""
    node = FakeNode()
    wrong = verify(request_id="2")
    wrong.credential.card_number.social_security_number = "500112190302110118"
    async with identity_stub(node) as stub:
        await stub.VerifyCard(verify(), metadata=bearer(PLATFORM, node.clock))
        told = [await refused(stub.VerifyCard(wrong, metadata=bearer(PLATFORM, node.clock)))]
        node.platform.failure = CardNotFoundError(region="chongqing")
        told += [await refused(stub.VerifyCard(verify(request_id="3"), metadata=bearer(PLATFORM, node.clock)))]
        surplus = translate(source={"region": "chongqing", "fields": {**record("chongqing"), "测试甲": "x"}})
        told += [await refused(stub.TranslateIdentity(surplus, metadata=bearer(PLATFORM, node.clock)))]
    assert [one.reason for one in told] == ["MALFORMED_NUMBER", "CARD_NOT_FOUND", "INVALID_FIELD"]
    assert told[0].fields == {"credential.card_number.social_security_number"}
    for planted in (*PLANTED, "500112190302110118"):
        assert planted not in node.journal.text
        assert planted not in repr(told)


async def test_a_batch_of_cards_is_answered_in_order_each_by_its_own() -> None:
    """Side by side within a bound; a bad entry has the status of the single method; repeats have one effect."""
    node = FakeNode()
    node.platform.gate = asyncio.Event()
    entries = [verify(request_id=f"b-{n}") for n in range(40)]
    entries[7] = verify(request_id="b 7")
    entries[9] = entries[8]
    async with identity_stub(node) as stub:
        stream = stub.BatchVerifyCards(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchVerifyCardsRequest(entries=entries))
        while len(node.platform.asked) < 14:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert len(node.platform.asked) <= 16
        node.platform.gate.set()
        outcomes = (await stream.read()).outcomes
        await stream.done_writing()
        assert not await stream.read()
    assert [one.WhichOneof("outcome") for one in outcomes] == ["response"] * 7 + ["error"] + ["response"] * 32
    assert told_by(outcomes[7].error).violations == (("request_id", "form"),)
    assert outcomes[8].response.recognition == outcomes[9].response.recognition
    assert (outcomes[8].response.replayed, outcomes[9].response.replayed) == (False, True)
    assert len({one.response.recognition for one in outcomes}) == 39
    assert len(node.platform.asked) == 38


@pytest.mark.parametrize(("count", "reason"), [(0, "INVALID_FIELD"), (101, "LIMIT")])
async def test_a_batch_has_one_to_a_hundred_entries(count: int, reason: str) -> None:
    """None and too many end the stream before anybody is asked."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        stream = stub.BatchVerifyCards(metadata=bearer(PLATFORM, node.clock))
        await stream.write(pb.BatchVerifyCardsRequest(entries=[verify()] * count))
        told = await refused(stream.read())
    assert told.reason == reason
    assert node.platform.asked == []


async def test_an_identity_is_translated_as_far_as_is_wanted() -> None:
    """Text and neutral form only if asked for; both sources say the same."""
    node = FakeNode()
    text = REGISTRY.get("chongqing").write_text(record("chongqing"))
    async with identity_stub(node) as stub:
        plain = await stub.TranslateIdentity(translate(), metadata=bearer(PLATFORM, node.clock))
        asked = translate(source={"region": "chongqing", "text": text}, include_text=True, include_canonical=True)
        full = await stub.TranslateIdentity(asked, metadata=bearer(PLATFORM, node.clock))
        lossless = await stub.TranslateIdentity(
            translate(target_region="chongqing"), metadata=bearer(HOME_PLATFORM, node.clock)
        )
    assert (plain.identity.region, plain.identity.text) == ("sichuan", "")
    assert plain.identity.fields == full.identity.fields
    assert not plain.HasField("canonical")
    assert full.identity.text
    assert full.canonical.holder.nationality == "CHN"
    assert [loss.field for loss in full.losses] == ["holder.nationality"]
    assert list(lossless.losses) == []
    assert node.platform.asked == []


async def test_a_third_region_may_not_translate() -> None:
    """The caller's region is named, which it knows."""
    node = FakeNode()
    async with identity_stub(node) as stub:
        told = await refused(stub.TranslateIdentity(translate(), metadata=bearer("platform.macao", node.clock)))
    assert (told.code, told.reason, told.metadata["region"]) == ("PERMISSION_DENIED", "CALLER_REGION", "macao")


async def test_text_that_cannot_be_read_is_named() -> None:
    """BadRequest says which field and which rule."""
    node = FakeNode()
    asked = translate(source={"region": "chongqing", "text": '{"测试甲"'})
    async with identity_stub(node) as stub:
        told = await refused(stub.TranslateIdentity(asked, metadata=bearer(PLATFORM, node.clock)))
    assert told.violations == (("source.text", "syntax"),)
    assert "测试甲" not in repr(told)


async def test_a_long_batch_lets_others_have_their_turn() -> None:
    """A small call is answered while a thousand entries are translated."""
    node = FakeNode()
    ended: list[str] = []
    async with identity_stub(node) as stub:
        metadata = bearer(PLATFORM, node.clock)
        await stub.TranslateIdentity(translate(), metadata=metadata)
        servicer: Any = next(one for one in node.servicers() if hasattr(one, "batch_translate_identities"))
        call: Any = SimpleNamespace(caller=callers(node.clock).authenticate(metadata[0][1][7:]), language=Language.EN)

        async def long() -> None:
            reply = await servicer.batch_translate_identities(
                pb.BatchTranslateIdentitiesRequest(entries=[translate()] * 200), call
            )
            ended.append(f"long {len(reply.outcomes)}")

        async def small() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            ended.append("small")

        await asyncio.gather(long(), small())
    assert ended == ["small", "long 200"]
