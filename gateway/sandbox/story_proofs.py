"""What the story proves about a request: receipts that are verified offline, and the logs that have recorded it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

from gateway.sandbox import log_by_hand
from gateway.sandbox.by_hand import NotProvenError
from gateway.sandbox.story import ASIDE, CALL_SECONDS
from gateway.sandbox.story_command import onecard, pinned
from gateway.sandbox.story_sending import MANY, SOURCE, TARGET, exchange, holder
from onecard.gateway.v1 import evidence_pb2, exchange_service_pb2
from onecard.gateway.v1 import evidence_service_pb2 as pb
from onecard.gateway.v1.evidence_service_pb2_grpc import EvidenceServiceStub

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.story import Stage
    from gateway.sandbox.story_command import Ended
    from gateway.sandbox.story_sending import ExchangeStory

_AGREEMENT = "sichuan-chongqing"
_SUBMITTED = "ExchangeService/SubmitRequest"
_REQUESTS = 2 * MANY + 1
_ALLOWED, _REFUSED = b'"outcome":"allowed"', b'"outcome":"refused"'


class ReceiptStory:
    """Takes the receipts of both regions, and verifies them as anybody would who has the files."""

    def __init__(self, story: ExchangeStory) -> None:
        """Take who has asked."""
        self._story = story
        self.documents: dict[str, dict[str, Any]] = {}

    async def verified(self, stage: Stage) -> str:
        """Get both receipts, and verify each."""
        for region in (SOURCE, TARGET):
            asked = exchange_service_pb2.GetReceiptRequest(name=self._story.name)
            got = await exchange(stage, region).GetReceipt(asked, timeout=CALL_SECONDS, wait_for_ready=True)
            self.documents[region] = json.loads(got.document)
        ended = await asyncio.gather(*(self._verify(stage, *one) for one in self.documents.items()))
        told = dict(zip(self.documents, ended, strict=True))
        same = len({_statement(ended) for ended in told.values()}) == 1
        words = (
            f"{region}: exit {ended.code}, {ended.told.splitlines()[-1]}, recorded by {ended.after('recorded by')}"
            for region, ended in told.items()
        )
        return f"{'; '.join(words)}; both state {'the same' if same else 'OTHER THINGS'}"

    async def altered(self, stage: Stage) -> str:
        """Alter one word in each of three places of Chongqing's receipt, and verify it."""
        words = {
            "request": ("PURPOSE_RECORD_ENQUIRY", "PURPOSE_IDENTITY_CHECK"),
            "reply": ('"synthetic": true', '"synthetic": false'),
            "evidence": (r"\"outcome\":\"allowed\"", r"\"outcome\":\"refused\""),
        }
        told = await asyncio.gather(*(self._altered(stage, part, *two) for part, two in words.items()))
        return "; ".join(told)

    async def _altered(self, stage: Stage, part: str, word: str, other: str) -> str:
        text = json.dumps(self.documents[TARGET])
        if text.count(word) != 1:
            return f"{part}: {text.count(word)} TIMES THERE"
        ended = await self._verify(stage, part, json.loads(text.replace(word, other)))
        return f"{part}: exit {ended.code}, NOT VALID: {ended.after('NOT VALID:').partition(' ')[0]}"

    @staticmethod
    async def _verify(stage: Stage, name: str, document: dict[str, Any]) -> Ended:
        """Write a receipt to a file, and verify that with nothing but the fingerprint."""
        file = stage.layout.folder / f"receipt-{name}.json"
        file.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        return await onecard("receipt", "verify", file, "--fingerprint", pinned(stage, SOURCE, _AGREEMENT))


def _statement(ended: Ended) -> tuple[str, ...]:
    """Give what the command told but for who has recorded it, and whether the other had seen that log by then."""
    return tuple(line for line in ended.told.splitlines() if not line.startswith(("recorded by", "cosigned")))


class LogStory:
    """Proves one record of Chongqing's log, and the whole of it."""

    def __init__(self, receipts: ReceiptStory) -> None:
        """Take the receipts, which name a record."""
        self._receipts = receipts
        self._verifier = ""

    def _index(self) -> int:
        """Give the place of the record that Chongqing's receipt names."""
        return int(self._receipts.documents[TARGET]["evidence"][TARGET]["index"])

    async def proved(self, stage: Stage) -> str:
        """Ask for the proof of the record, and fold it by hand."""
        key = await onecard("evidence", "key", "--config", stage.layout.config(TARGET))
        self._verifier = key.told.split()[0]
        asked = pb.GetInclusionProofRequest(index=self._index())
        proof = await _evidence(stage).GetInclusionProof(asked, timeout=CALL_SECONDS)
        content = proof.record.content
        try:
            size = log_by_hand.included(
                content, index=proof.record.index, path=proof.path, note=proof.checkpoint.note, verifier=self._verifier
            )
        except NotProvenError as error:
            return f"not proven: {error}"
        said = json.loads(content)
        known = "of the receipt" if content.decode() == self._told()["record"] else "OF ANOTHER THING"
        words = f"{said['method']} {said['outcome']}, {said['source']} to {said['target']}"
        return f"{words}, {known}{ASIDE}record {proof.record.index} of {size}, {len(proof.path)} hashes"

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = self._receipts.documents[TARGET]["evidence"][TARGET]
        return told

    async def audited(self, stage: Stage) -> str:
        """Export the log twice, and walk the copies, and one that was altered."""
        folder = stage.layout.folder
        old, new, altered, note = (folder / name for name in ("old.jsonl", "new.jsonl", "altered.jsonl", "held.note"))
        await self._exported(stage, old)
        await self._listed(stage)  # which is a decision, and recorded
        checkpoint = (await _evidence(stage).GetCheckpoint(pb.GetCheckpointRequest(), timeout=CALL_SECONDS)).checkpoint
        note.write_text(checkpoint.note, "utf-8")
        await self._exported(stage, new)
        altered.write_text("".join(map(self._alter, new.read_text("ascii").splitlines(keepends=True))), "ascii")
        held = ("--checkpoint", note)
        whole, bad, older, cut = await asyncio.gather(
            self._walked(new, *held), self._walked(altered), self._walked(old), self._walked(old, *held)
        )
        index = bad.after("first bad index:").partition(":")[0]
        where = "that index" if index == str(self._index()) else f"index {index}"
        words = f"exit {whole.code}, {whole.told.splitlines()[-1]}; altered: exit {bad.code}, {where}"
        told = f"{words}; an older copy: exit {older.code}, beside the checkpoint: exit {cut.code}"
        return f"{told}{ASIDE}{checkpoint.size} records"

    async def _exported(self, stage: Stage, file: Path) -> None:
        await onecard("evidence", "export", "--config", stage.layout.config(TARGET), file)

    async def _walked(self, file: Path, *more: str | Path) -> Ended:
        return await onecard("evidence", "verify", "--export", file, "--key", self._verifier, *more)

    def _alter(self, line: str) -> str:
        """Turn what was allowed into what was refused, where a line of an export has the record."""
        told = json.loads(line)
        bundle = told.get("bundle")
        if bundle is None or not bundle["place"] <= self._index() < bundle["place"] + bundle["entries"]:
            return line
        content = self._told()["record"].encode()
        other = content.replace(_ALLOWED, _REFUSED)
        bundle["records"] = base64.b64encode(base64.b64decode(bundle["records"]).replace(content, other)).decode()
        return json.dumps(told) + "\n"

    @staticmethod
    async def _listed(stage: Stage) -> list[evidence_pb2.RecordedAccess]:
        asked = pb.ListAccessesRequest(social_security_number=holder(), page_size=1000)
        return list((await _evidence(stage).ListAccesses(asked, timeout=CALL_SECONDS)).accesses)

    async def accesses(self, stage: Stage) -> str:
        """List the accesses to the holder's data, and look for the number in all files of both stores."""
        listed = await self._listed(stage)
        asked = sum(one.method == _SUBMITTED and one.source_region == SOURCE for one in listed)
        files = [file for region in (SOURCE, TARGET) for file in (stage.layout.home(region) / "store").iterdir()]
        number = holder().encode()
        clear = sum(number in file.read_bytes() for file in files) if files else "NONE TO LOOK AT"
        words = f"all {_REQUESTS}" if asked >= _REQUESTS else f"{asked} of {_REQUESTS}"
        told = f"{words} requests of {SOURCE} are there; the holder's number is in {clear} files of both stores"
        return f"{told}{ASIDE}{len(listed)} accesses, {len(files)} files"


def _evidence(stage: Stage) -> Any:  # noqa: ANN401 - a stub of grpc, which has no type
    return EvidenceServiceStub(stage.channel(TARGET))
