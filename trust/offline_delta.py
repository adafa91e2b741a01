"""Updates of offline packs: what changes a pack that a gate has into the next one; standard library only.

An update is 8 bytes `1CARDPD1`, the length of a plan (4 bytes, big-endian), the plan, and parts. The plan is JSON:
`base` is the SHA-256 of the file that it changes, `statement` the statement of the new one, and `sections` says how
each section of it is made: `{"copy": n}` is section n of the old one, `{"new": bytes}` the next bytes of the update,
and `{"set": n, "added": bytes, "removed": bytes}` the set in section n with the fingerprints of one set added and those
of another taken away. It needs no signature of its own: what comes of it is the new pack, byte for byte, whose
statement digests every section; who applies it reads the result as any pack.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from trust.errors import OfflinePackError
from trust.offline_file import (
    LENGTH,
    MAX_SECTION_BYTES,
    MAX_SECTIONS,
    MAX_STATEMENT_BYTES,
    PackFile,
    cut,
    read_jws,
    split,
)
from trust.offline_set import FingerprintSet, write_set

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC: Final = b"1CARDPD1"
_STEPS: Final = ({"copy"}, {"new"}, {"set", "added", "removed"})
_MAX_PLAN_BYTES: Final = 2 * MAX_STATEMENT_BYTES


def make_update(base: bytes, new: bytes, *, sets: Sequence[tuple[int, int]]) -> bytes:
    """Make what changes one pack into another.

    Args:
        base: the file that gates have.
        new: the file that they are to have.
        sets: for sets of the same salt and number of bits: the section of the new file, and that of the old one.

    Raises:
        OfflinePackError, MalformedTokenError: one of them is no pack.
    """
    (old, _), (file, _) = split(base), split(new)
    earlier = dict(sets)
    plan: list[dict[str, int]] = []
    parts: list[bytes] = []
    for number, data in enumerate(file.sections):
        if data in old.sections:
            plan.append({"copy": old.sections.index(data)})
        elif number in earlier:
            step, pieces = _difference(old.sections[earlier[number]], data)
            plan.append({"set": earlier[number], **step})
            parts += pieces
        else:
            plan.append({"new": len(data)})
            parts.append(data)
    told = {"base": hashlib.sha256(base).hexdigest(), "sections": plan, "statement": file.statement}
    head = json.dumps(told, separators=(",", ":")).encode("ascii")
    return b"".join((MAGIC, LENGTH.pack(len(head)), head, *parts))


def _difference(old: bytes, new: bytes) -> tuple[dict[str, int], tuple[bytes, bytes]]:
    """Give what has to be added and taken away, each as a set."""
    one, other = FingerprintSet.read(old), FingerprintSet.read(new)
    had, has = set(one.fingerprints()), set(other.fingerprints())
    added = write_set(has - had, bits=other.bits)
    removed = write_set(had - has, bits=other.bits)
    return {"added": len(added), "removed": len(removed)}, (added, removed)


def apply_update(base: bytes, update: bytes) -> bytes:
    """Give the new file; nothing of it is proven before it is read as a pack.

    Raises:
        OfflinePackError: the update is for another file, or is none; MalformedTokenError: its statement is none.
    """
    plan, rest = _read(update)
    if plan.get("base") != hashlib.sha256(base).hexdigest():
        raise OfflinePackError(rule="another base")
    file, _ = split(base)
    statement, steps = plan.get("statement"), plan.get("sections")
    if not isinstance(statement, str) or not isinstance(steps, list) or len(steps) > MAX_SECTIONS:
        raise OfflinePackError(rule="plan")
    sections, at = [], 0
    for step in steps:
        made, at = _made(step, file, rest, at)
        sections.append(made)
    if at != len(rest) or not statement.isascii():
        raise OfflinePackError(rule="plan")
    cut(b"".join(sections), read_jws(statement))
    return PackFile(statement, tuple(sections)).to_bytes()


def _read(update: bytes) -> tuple[dict[str, Any], bytes]:
    """Cut an update into plan and parts."""
    begin = len(MAGIC) + LENGTH.size
    if update[: len(MAGIC)] != MAGIC or len(update) < begin:
        raise OfflinePackError(rule="magic")
    (length,) = LENGTH.unpack_from(update, len(MAGIC))
    if length > _MAX_PLAN_BYTES or len(update) < begin + length:
        raise OfflinePackError(rule="plan")
    try:
        plan = json.loads(update[begin : begin + length].decode("utf-8"))
    except (ValueError, RecursionError):
        plan = None
    if not isinstance(plan, dict):
        raise OfflinePackError(rule="plan")
    return plan, update[begin + length :]


def _made(step: object, file: PackFile, rest: bytes, at: int) -> tuple[bytes, int]:
    """Make one section; gives it and how far the parts were used."""
    told = step if isinstance(step, dict) and step.keys() in _STEPS else {"": -1}
    if not all(type(number) is int and 0 <= number <= MAX_SECTION_BYTES for number in told.values()):
        raise OfflinePackError(rule="plan")
    if "new" in told:
        return rest[at : at + told["new"]], at + told["new"]
    number = told["copy"] if "copy" in told else told["set"]
    if number >= len(file.sections):
        raise OfflinePackError(rule="plan")
    old = file.sections[number]
    if "copy" in told:
        return old, at
    middle = at + told["added"]
    end = middle + told["removed"]
    return _changed(FingerprintSet.read(old), rest[at:middle], rest[middle:end]), end


def _changed(old: FingerprintSet, added: bytes, removed: bytes) -> bytes:
    """Give a set with some fingerprints more and some less."""
    gone, come = (FingerprintSet.read(part).fingerprints() for part in (removed, added))
    return write_set((set(old.fingerprints()) - set(gone)) | set(come), bits=old.bits)
