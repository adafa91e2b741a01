"""Attachments: uploaded in pieces, resumed, checked as a whole, handed on to the other gateway, downloaded."""

from __future__ import annotations

import asyncio
import hashlib
import random
import resource
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from sqlalchemy import func, select

from gateway.services.exchange_downloads import PIECE_BYTES
from gateway.services.exchange_files import LARGEST, MOST_LOOSE_BYTES
from gateway.services.exchange_upkeep import LOOSE_SECONDS
from gateway.store.tables_exchange import ATTACHMENTS, CHUNKS
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, exchange_node, in_state, pair, until
from tests.fakes.exchange_contents import reply
from tests.gateway.rpc.told import refused
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from tests.fakes.exchange import Client, ExchangeNode

BOTH = ("sichuan", "chongqing")
DATA = random.Random(4).randbytes(3 * PIECE_BYTES + 1000)
MESSAGE = 100_000
CACHE_KIB = 65_536
"""What the store's own cache of pages may take beside (gateway.store.engine)."""


@pytest.fixture
async def hub(store_url: str) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions, once for each engine."""
    async with exchange_node(store_url, "hub", homes=BOTH) as node:
        yield node


def begin(
    data: bytes = DATA,
    key: str = "file-1",
    **changes: Any,  # noqa: ANN401 - any field
) -> pb.UploadAttachmentRequest:
    """Announce a file."""
    fields: dict[str, Any] = {
        "upload_key": key,
        "digest": encode_base64url(hashlib.sha256(data).digest()),
        "size": len(data),
        "media_type": "application/pdf",
        **changes,
    }
    return pb.UploadAttachmentRequest(begin=pb.BeginUpload(**fields))


def pieces(data: bytes, size: int = MESSAGE) -> Iterable[pb.UploadAttachmentRequest]:
    """Cut bytes into messages."""
    return (pb.UploadAttachmentRequest(data=data[at : at + size]) for at in range(0, len(data), size))


async def upload(who: Client, *messages: pb.UploadAttachmentRequest) -> pb.UploadAttachmentResponse:
    """Send the messages of an upload, until it is answered."""
    call = who.stream("UploadAttachment")
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # refused before all was sent; the answer says why
        for message in messages:
            await call.write(message)
        await call.done_writing()
    answer: pb.UploadAttachmentResponse = await call
    return answer


async def download(who: Client, name: str, offset: int = 0) -> bytes:
    """Read a file to its end."""
    call = who.stream("DownloadAttachment", pb.DownloadAttachmentRequest(name=name, offset=offset))
    got = b""
    while message := await call.read():
        got += message.data
    return got


async def test_a_file_travels_with_its_request(hub: ExchangeNode) -> None:
    """Uploaded, named in a request, and downloaded by the other party, from any offset."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        done = await upload(source, begin(), *pieces(DATA))
        assert done.complete
        assert done.stored_size == len(DATA)
        name = (await source.submit(attachments=[done.attachment])).request.name
        (shown,) = (await target.get(name)).content.attachments
        assert shown == done.attachment
        assert await download(target, shown.name) == DATA
        for offset in (1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 77, len(DATA) - 1, len(DATA)):
            assert await download(target, shown.name, offset) == DATA[offset:]
        for offset in (-1, len(DATA) + 1):
            call = target.stream("DownloadAttachment", pb.DownloadAttachmentRequest(name=shown.name, offset=offset))
            assert (await refused(call.read())).reason == "INVALID_FIELD"
        again = await upload(source, begin(), *pieces(DATA))
        assert again == done


async def test_an_upload_goes_on_where_it_stopped(hub: ExchangeNode) -> None:
    """Of an upload that broke the whole pieces are kept; who asks learns from where to go on."""
    async with client(hub, "platform.sichuan") as source:
        assert (await upload(source, begin())).stored_size == 0
        half = await upload(source, begin(), *pieces(DATA[: PIECE_BYTES + 5000]))
        assert (half.stored_size, half.complete) == (PIECE_BYTES, False)
        told = await upload(source, begin())
        assert (told.stored_size, told.complete) == (PIECE_BYTES, False)
        for offset in (0, PIECE_BYTES - 1, 2 * PIECE_BYTES):
            wrong = await refused(upload(source, begin(offset=offset), *pieces(DATA[offset : offset + 9])))
            assert (wrong.reason, wrong.metadata["stored_size"]) == ("ATTACHMENT_OFFSET", str(PIECE_BYTES))
        done = await upload(source, begin(offset=PIECE_BYTES), *pieces(DATA[PIECE_BYTES:]))
        assert done.complete
        assert await download(source, done.attachment.name) == DATA


async def test_a_file_that_is_not_what_was_announced_is_not_kept(hub: ExchangeNode) -> None:
    """Other bytes than those of the digest, in one call or in several, are refused and gone; so are too many."""
    other = DATA[:-1] + bytes([DATA[-1] ^ 1])
    async with client(hub, "platform.sichuan") as source:
        wrong = await refused(upload(source, begin(), *pieces(other)))
        assert (wrong.reason, wrong.metadata["rule"]) == ("DIGEST_MISMATCH", "digest")
        assert (await upload(source, begin())).stored_size == 0
        await upload(source, begin(), *pieces(other[:PIECE_BYTES]))
        wrong = await refused(upload(source, begin(offset=PIECE_BYTES), *pieces(other[PIECE_BYTES:])))
        assert wrong.metadata["rule"] == "digest"
        wrong = await refused(upload(source, begin(), *pieces(DATA + b"x")))
        assert (wrong.reason, wrong.metadata["rule"]) == ("DIGEST_MISMATCH", "size")
        async with hub.store.reading() as connection:
            kept = (await connection.execute(select(func.max(CHUNKS.c.start)))).scalar_one()
        assert kept < len(DATA)


async def test_a_key_stands_for_one_file(hub: ExchangeNode) -> None:
    """Another file under the same key is refused; another caller has keys of its own."""
    async with client(hub, "platform.sichuan") as source, client(hub, "agency.sichuan") as other:
        mine = await upload(source, begin())
        assert (await refused(upload(source, begin(b"x")))).reason == "IDEMPOTENCY_KEY_REUSED"
        assert (await upload(other, begin())).attachment.name != mine.attachment.name


async def test_a_file_is_named_as_it_is_and_once(hub: ExchangeNode) -> None:
    """Only a whole file of one's own, named as it is, belongs to a request, and to no second one."""
    async with client(hub, "platform.sichuan") as source, client(hub, "agency.sichuan") as other:
        half = (await upload(source, begin(key="half"), *pieces(DATA[:PIECE_BYTES]))).attachment
        whole = (await upload(source, begin(key="whole"), *pieces(DATA))).attachment
        changed = exchange_pb2.Attachment()
        changed.CopyFrom(whole)
        changed.media_type = "text/plain"
        for number, file in enumerate((half, changed)):
            told = await refused(source.submit(f"key-{number}", attachments=[file]))
            assert (told.code, told.reason) == ("FAILED_PRECONDITION", "ATTACHMENT_INCOMPLETE")
        assert (await refused(other.submit("key-1", attachments=[whole]))).reason == "ATTACHMENT_INCOMPLETE"
        await source.submit("good", attachments=[whole])
        assert (await source.submit("good", attachments=[whole])).replayed
        assert (await refused(source.submit("second", attachments=[whole]))).reason == "ATTACHMENT_INCOMPLETE"


async def test_nobody_reads_the_files_of_others(hub: ExchangeNode) -> None:
    """AZ5: who is not a party is told the same as of a file that does not exist, and that is recorded."""
    async with (
        client(hub, "platform.sichuan") as source,
        client(hub, "platform.chongqing") as target,
        client(hub, "agency.sichuan") as stranger,
    ):
        file = (await upload(source, begin(), *pieces(DATA))).attachment
        absent = f"regions/sichuan/attachments/{'0' * 32}"
        for who, name in ((target, file.name), (stranger, file.name), (source, absent), (stranger, absent)):
            call = who.stream("DownloadAttachment", pb.DownloadAttachmentRequest(name=name))
            told = await refused(call.read())
            assert (told.code, told.reason) == ("NOT_FOUND", "ATTACHMENT_NOT_FOUND")
        await source.submit(attachments=[file])
        assert await download(target, file.name) == DATA
        call = stranger.stream("DownloadAttachment", pb.DownloadAttachmentRequest(name=file.name))
        assert (await refused(call.read())).reason == "ATTACHMENT_NOT_FOUND"
    reasons = [one.reason for one in hub.decisions]
    assert (reasons.count("DENY_IDOR"), reasons.count("ATTACHMENT_NOT_FOUND")) == (3, 2)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.UploadAttachmentRequest(data=b"x"), "begin"),
        (begin(upload_key=""), "begin.upload_key"),
        (begin(digest="short"), "begin.digest"),
        (begin(size=0), "begin.size"),
        (begin(size=LARGEST + 1), "begin.size"),
        (begin(media_type="pdf"), "begin.media_type"),
        (begin(offset=-1), "begin.offset"),
        (begin(name=f"regions/sichuan/attachments/{'0' * 32}"), "begin.name"),
    ],
)
async def test_an_upload_says_what_it_is(tmp_path: Path, message: pb.UploadAttachmentRequest, field: str) -> None:
    """The first message announces the file, each part of it by its rule."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.sichuan") as source,
    ):
        told = await refused(upload(source, message))
        assert (told.reason, told.violations[0][0]) == ("INVALID_FIELD", field)
        nothing = await refused(upload(source))
        assert nothing.violations[0][0] == "begin"


async def test_later_messages_bring_bytes(tmp_path: Path) -> None:
    """A second announcement, nothing at all or too many bytes in one message are refused."""
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.sichuan") as source,
    ):
        for second in (
            begin(),
            pb.UploadAttachmentRequest(data=b""),
            *pieces(DATA[: PIECE_BYTES + 1], PIECE_BYTES + 1),
        ):
            told = await refused(upload(source, begin(), second))
            assert told.violations[0][0] == "data"


async def test_two_calls_do_not_write_one_file(hub: ExchangeNode) -> None:
    """Of two calls that go on with the same upload at once, the pieces of one are kept, each once."""
    async with client(hub, "platform.sichuan") as source:
        calls = await asyncio.gather(
            *(upload(source, begin(), *pieces(DATA)) for _ in range(3)), return_exceptions=True
        )
        good = [call for call in calls if isinstance(call, pb.UploadAttachmentResponse)]
        if not any(call.complete for call in good):
            stored = (await upload(source, begin())).stored_size
            good = [await upload(source, begin(offset=stored), *pieces(DATA[stored:]))]
        name = good[0].attachment.name
        assert await download(source, name) == DATA


async def test_files_that_nobody_names_are_dropped(hub: ExchangeNode) -> None:
    """After a day an upload that belongs to no request is gone, one that does stays; too many are not taken."""
    async with client(hub, "platform.sichuan") as source:
        loose = (await upload(source, begin(key="loose"), *pieces(DATA))).attachment
        named = (await upload(source, begin(key="named"), *pieces(DATA))).attachment
        await source.submit(attachments=[named])
        hub.clock.advance(LOOSE_SECONDS + 1)
        assert (await hub.upkeep.once()).dropped == 1
        assert await download(source, named.name) == DATA
        call = source.stream("DownloadAttachment", pb.DownloadAttachmentRequest(name=loose.name))
        assert (await refused(call.read())).reason == "ATTACHMENT_NOT_FOUND"
        for number in range(MOST_LOOSE_BYTES // LARGEST):
            await upload(source, begin(key=f"large-{number}", size=LARGEST))
        told = await refused(upload(source, begin(key="one-more", size=LARGEST)))
    assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")


async def test_files_go_to_the_other_gateway_and_back(tmp_path: Path) -> None:
    """A request takes its files along, and the reply brings its own; an upload that was begun goes on."""
    urls = (f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s")
    async with (
        pair(*urls) as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
        client(chongqing, "gateway.sichuan") as gateway,
    ):
        file = (await upload(source, begin(), *pieces(DATA))).attachment
        ident = file.name.rpartition("/")[2]
        part = begin(key=ident, name=file.name)
        assert (await upload(gateway, part, *pieces(DATA[:PIECE_BYTES]))).stored_size == PIECE_BYTES
        other = begin(key="other", name=file.name)
        assert (await refused(upload(gateway, other))).violations == (("begin.name", "new"),)
        foreign = begin(key="foreign", name=file.name.replace("sichuan", "guizhou"))
        assert (await refused(upload(gateway, foreign))).violations == (("begin.name", "of_the_own_region"),)
        name = (await source.submit(attachments=[file])).request.name
        async with delivering((sichuan, "chongqing"), (chongqing, "sichuan")):
            await until(in_state(target, name, "DELIVERED"))
            assert await download(target, file.name) == DATA
            answer = (await upload(target, begin(DATA[::-1]), *pieces(DATA[::-1]))).attachment
            await target.complete(name, reply(attachments=[answer]))
            found = await until(in_state(source, name, "COMPLETED"))
            assert list(found.reply.attachments) == [answer]
            assert await download(source, answer.name) == DATA[::-1]


@pytest.mark.slow
async def test_a_hundred_megabytes_need_no_memory(tmp_path: Path) -> None:
    """The largest file goes up and down in pieces: the process grows by much less than the file has bytes."""
    block = random.Random(5).randbytes(MESSAGE)
    size = LARGEST // MESSAGE * MESSAGE
    digest = hashlib.sha256()
    for _ in range(size // MESSAGE):
        digest.update(block)
    announced = begin(digest=encode_base64url(digest.digest()), size=size)
    async with (
        exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=BOTH) as hub,
        client(hub, "platform.sichuan") as source,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        async def told() -> AsyncIterator[pb.UploadAttachmentRequest]:
            yield announced
            for _ in range(size // MESSAGE):
                yield pb.UploadAttachmentRequest(data=block)

        call = source.stub.UploadAttachment(told(), metadata=hub.bearer(source.caller), timeout=300)
        done: pb.UploadAttachmentResponse = await call
        got = hashlib.sha256()
        reading = source.stub.DownloadAttachment(
            pb.DownloadAttachmentRequest(name=done.attachment.name),
            metadata=hub.bearer(source.caller),
            timeout=300,
        )
        while message := await reading.read():
            got.update(message.data)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        async with hub.store.reading() as connection:
            kept = (await connection.execute(select(ATTACHMENTS.c.stored))).scalar_one()
    assert done.complete
    assert (kept, got.digest()) == (size, digest.digest())
    assert grown < CACHE_KIB + 30_000
