"""The reply: the target region's platform gives it, the source region's gateway hears it; both sign the receipt."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import PayloadNotAllowedError, ReplyDiffersError, RequestStateError
from gateway.services.exchange_act import Acted
from gateway.services.exchange_files import check_files
from gateway.services.exchange_model import MICROS
from gateway.services.exchange_receipts import write_receipt
from gateway.services.exchange_rules import check_fields
from gateway.services.exchange_seals import SALT_BYTES, digest_of, reply_document
from gateway.services.exchange_states import ANSWERED, Event, Held, Party
from gateway.services.exchange_steps import move_or_follow
from gateway.services.local_home import china_day

if TYPE_CHECKING:
    from gateway.services.exchange_act import Scene
    from gateway.services.exchange_model import Body, News, StoredRequest
    from gateway.services.exchange_receipts import ReceiptDesk
    from gateway.services.exchange_rules import ExchangeRules
    from gateway.services.exchange_seals import Seals


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What answers are made with."""

    seals: Seals
    receipts: ReceiptDesk
    rules: ExchangeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply: COMPLETED, or REJECTED with a reason. `body.kind` is None for a refusal."""

    event: Event
    body: Body = field(repr=False)
    using: Answering
    reason: str = ""
    news: News | None = None

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Keep the reply and sign for it.

        Raises:
            PayloadNotAllowedError: it is of another kind than what was asked.
            ReplyDiffersError: there is another reply.
            RequestStateError: not possible now.
            AttachmentIncompleteError: a file is not there.
            GatewayError, TrustError: the agreement does not let it out, or the receipt does not hold.
        """
        if self.body.kind not in {None, request.kind}:
            raise PayloadNotAllowedError(kind=self.body.kind or "", rule="reply")
        if self.news is not None:
            return await self._hear(scene, request, party, self.news)
        if party is not Party.TARGET:
            raise RequestStateError(state=request.state, event=self.event)
        if request.state in ANSWERED and request.reply is not None:
            return self._again(request)
        today = china_day(scene.ledger.now / MICROS)
        check_fields(self.using.rules.still_permit(request, on=today), self.body)
        # Nothing is signed before it is sure that this may happen.
        scene.ledger.require(request, self.event, party)
        now, salt = scene.ledger.now, os.urandom(SALT_BYTES)
        digest = digest_of(reply_document(request.name, salt, self.body.document))
        receipt = self.using.receipts.sign(request, outcome=self.event.value, reply_digest=digest, answered_at=now)
        files = await self._files(scene, request)
        moved = scene.ledger.move(
            request,
            self.event,
            party,
            region=scene.actor.region,
            reason=self.reason,
            reply=self.using.seals.seal_reply(request.id, salt, self.body.encoded),
            reply_digest=digest,
            answered_at=now,
            receipt=write_receipt(receipt),
            chains=await self.using.receipts.keep_chains(scene.transaction, request),
            record=scene.record,
        )
        scene.ledger.claim(request.id, files)
        return Acted(moved, replayed=False, detail=receipt.digest)

    async def _files(self, scene: Scene, request: StoredRequest) -> list[bytes]:
        """Demand the files that the reply names (AttachmentIncompleteError)."""
        references, caller = self.body.attachments, scene.actor.caller
        return await check_files(scene.transaction, references, request=request.id, caller=caller)

    def _again(self, request: StoredRequest) -> Acted:
        """Take the same reply once more (ReplyDiffersError)."""
        opened = self.using.seals.open_reply(request.id, request.reply or b"")
        document = reply_document(request.name, opened.salt, self.body.document)
        if request.state.value != self.event.value or digest_of(document) != request.reply_digest:
            raise ReplyDiffersError
        return Acted(request, replayed=True)

    async def _hear(self, scene: Scene, request: StoredRequest, party: Party, news: News) -> Acted:
        """Hear the reply from the target's gateway."""
        if news.entry.revision <= request.heard:
            return Acted(request, replayed=True)
        if request.held is not Held.SOURCE or party is not Party.TARGET:
            raise RequestStateError(state=request.state, event=self.event)
        digest = digest_of(reply_document(request.name, news.salt, self.body.document))
        receipt = self.using.receipts.countersign(request, news.receipt, outcome=self.event.value, reply_digest=digest)
        files = await self._files(scene, request)
        moved = move_or_follow(
            scene,
            request,
            self.event,
            party,
            news,
            reason=self.reason,
            reply=self.using.seals.seal_reply(request.id, news.salt, self.body.encoded),
            reply_digest=digest,
            answered_at=news.entry.time,
            receipt=write_receipt(receipt),
            chains=await self.using.receipts.keep_chains(scene.transaction, request),
            record=scene.record,
        )
        scene.ledger.claim(request.id, files)
        return Acted(moved, replayed=False, detail=receipt.digest)
