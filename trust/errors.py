"""Errors that leave the trust package, split by who must act: the caller, the peer or the operator.

Each leaf carries a fixed sentence and a small map of safe strings (claim, rule, skew, region codes, the issuer and
kid of a key that we know). Nothing that a token, a key file or a caller wrote becomes part of an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class TrustError(Exception):
    """Root of everything that trust raises."""

    message: ClassVar[str] = "The statement is not believed."

    def __init__(self, **metadata: str) -> None:
        """Keep safe metadata only: names of claims, rules and regions, never a value."""
        super().__init__(self.message)
        self.metadata: dict[str, str] = metadata

    def __str__(self) -> str:
        """Give the fixed sentence followed by the safe metadata."""
        facts = ", ".join(f"{key}={value}" for key, value in sorted(self.metadata.items()))
        return f"{self.message} ({facts})" if facts else self.message


# The token itself: the caller or the peer must send another one.


class MalformedTokenError(TrustError):
    """The token is not a compact JWS in its one canonical form. Metadata: rule."""

    message = "The token is not a compact JWS in canonical form."


class EmbeddedKeyError(TrustError):
    """The token brings a key, or says where to fetch one. Metadata: header."""

    message = "The token carries or points to a key of its own."


class AlgorithmNotAllowedError(TrustError):
    """The token names an algorithm outside the closed table of suites."""

    message = "The algorithm of the token is not allowed."


class UnknownIssuerError(TrustError):
    """No key is registered for the issuer."""

    message = "The issuer is not known."


class UnknownKeyError(TrustError):
    """The issuer has no key with this identifier, or the identifier has not the form of one."""

    message = "The key of the token is not known."


class KeyUseError(TrustError):
    """The key is registered for something other than verifying signatures. Metadata: rule."""

    message = "The key is not one for verifying signatures."


class KeyAlgorithmMismatchError(TrustError):
    """The token names another algorithm than the one its key is registered for. Metadata: issuer, kid."""

    message = "The key is registered for another algorithm."


class BadSignatureError(TrustError):
    """The signature is wrong or badly written; it is not said which. Metadata: issuer, kid."""

    message = "The signature does not hold."


class WrongTypeError(TrustError):
    """The token is of another kind than the one asked for. Metadata: expected."""

    message = "The token is of another type."


class ClaimInvalidError(TrustError):
    """A claim is missing, of the wrong type or against its rule. Metadata: claim, rule."""

    message = "A claim is missing or not valid."


class ExpiredError(TrustError):
    """The token's life is over, beyond the tolerated clock skew. Metadata: claim, skew_seconds."""

    message = "The token has expired."


class NotYetValidError(TrustError):
    """The token's life has not begun, beyond the tolerated clock skew. Metadata: claim, skew_seconds."""

    message = "The token is not valid yet."


class AudienceError(TrustError):
    """The token is addressed to somebody else."""

    message = "The token is addressed to another audience."


class ReplayError(TrustError):
    """A one-time token was used before. Metadata: issuer."""

    message = "The token was used before."


class ReplayMemoryFullError(TrustError):
    """The memory of used tokens is full of live entries; none is given up. Metadata: capacity."""

    message = "No more one-time tokens can be remembered now."


class BindingError(TrustError):
    """The token answers another request than the one at hand. Metadata: rule."""

    message = "The token is bound to another request."


class KeyRevokedError(TrustError):
    """The key has been revoked, whatever the dates of what it signed. Metadata: reason (of the closed list)."""

    message = "The key has been revoked."


class RecognitionRevokedError(TrustError):
    """Its issuer has taken the recognition back, or suspended it. Metadata: issuer, status (revoked, suspended)."""

    message = "The recognition has been revoked."


class StatusUnknownError(TrustError):
    """Nobody can tell whether a recognition was revoked: no fresh status list is to be had. Metadata: issuer, rule."""

    message = "It cannot be told whether the recognition was revoked."


class CounterSignatureError(TrustError):
    """A counter-signed recognition and an original do not belong together. Metadata: rule."""

    message = "The counter-signed recognition does not stand for this original."


class PeerRevokedError(TrustError):
    """The entity, or the certificate it shows, has been revoked. Metadata: kind, reason (of the closed list)."""

    message = "The peer has been revoked."


# Proven, but not allowed.


class NoAgreementError(TrustError):
    """No agreement joins the two regions. Metadata: regions."""

    message = "No agreement joins the two regions."


class AgreementNotInForceError(TrustError):
    """The regions have an agreement, but not on this day. Metadata: agreement, regions."""

    message = "The agreement is not in force on this day."


class PurposeNotAllowedError(TrustError):
    """The agreement does not cover the purpose. Metadata: agreement."""

    message = "The agreement does not allow this purpose."


class ItemNotInAgreementError(TrustError):
    """The agreement covers none of the item types. Metadata: agreement."""

    message = "The agreement does not cover this application item."


class ClassNotAllowedError(TrustError):
    """The agreement covers none of the application classes asked for. Metadata: agreement."""

    message = "The agreement does not allow this class of use."


class MediumNotAllowedError(TrustError):
    """The agreement does not accept this medium. Metadata: agreement."""

    message = "The agreement does not accept this medium."


class ConsentMissingError(TrustError):
    """The agreement demands a reference to a consent or contract, and none is given, or one that has ended.

    Metadata: agreement; rule (withdrawn or expired) where one is given.
    """

    message = "A reference to the holder's consent or the standard contract is required."


class ScopeError(TrustError):
    """The caller's token does not carry the scope, or carries no usable one. Metadata: scope (the one required)."""

    message = "The token does not carry the required scope."


class PeerIssuerMismatchError(TrustError):
    """The token was issued by somebody other than the peer who brings it. Metadata: issuer (of the key)."""

    message = "The token was issued by another region than the peer."


class AgreementStoppedError(TrustError):
    """A party has stopped the whole agreement. Metadata: reason (of the closed list)."""

    message = "The agreement has been stopped."


class AgreementNotSignedError(TrustError):
    """A party has not signed the agreement as it lies here, or its signature is not proven. Metadata: region."""

    message = "The agreement has not been signed by every party."


class TransitiveTrustError(TrustError):
    """Somebody vouches whom nobody has allowed to vouch for others. Metadata: rule, statement."""

    message = "Trust ends at the agreement and does not pass through a party to it."


# What is known of the peer forbids it, until that changes.


class RollbackError(TrustError):
    """A statement is older than one that is known. Metadata: known_version, offered_version, rule, statement."""

    message = "A newer statement is known than the one offered."


class EquivocationError(TrustError):
    """Two different statements claim the same place; an alarm. Metadata: known_version, offered_version, rule."""

    message = "Another statement of the same version or date is known."


class TrustExpiredError(TrustError):
    """A trust statement is past its life and the stated grace. Metadata: statement, skew_seconds."""

    message = "The trust statement has expired."


class ChainError(TrustError):
    """A trust chain does not hold. Metadata: statement (its place in the chain), rule, because (another leaf)."""

    message = "The trust chain does not hold."


class PolicyConflictError(TrustError):
    """The metadata policies of a chain contradict each other. Metadata: operator, rule, statement."""

    message = "The metadata policies contradict each other."


class MetadataPolicyError(TrustError):
    """The metadata does not meet the policy of its superiors. Metadata: operator, rule, statement."""

    message = "The metadata does not meet the policy."


class ForeignKeyError(TrustError):
    """Somebody lists a key, or a name, that belongs to somebody else. Metadata: rule, statement."""

    message = "A key or a name belongs to somebody else."


# What a log of records proves.


class ProofError(TrustError):
    """A Merkle proof does not lead to the root it is for. Metadata: rule."""

    message = "The proof does not hold."


class CheckpointError(TrustError):
    """A text is no checkpoint of the log in question, or nobody known has signed it. Metadata: rule."""

    message = "The checkpoint is not a signed one of this log."


class LogConflictError(TrustError):
    """A log has signed two heads of which neither goes on from the other; an alarm. Metadata: origin, rule."""

    message = "Two heads of one log contradict each other."


class ReceiptError(TrustError):
    """A receipt does not hold. Metadata: part (what fails first), rule, because (another leaf), region."""

    message = "The receipt does not hold."


# What serves without network.


class OfflinePackError(TrustError):
    """A pack for verifying without network, or an update of one, is not what its format says. Metadata: rule."""

    message = "The offline pack cannot be used."


# The operator must act.


class KeyMaterialError(TrustError):
    """A key, a key document or a secret cannot be used. Metadata: rule."""

    message = "The key material cannot be used."


class SuiteUnavailableError(TrustError):
    """No library on this machine does the arithmetic of a suite. Metadata: suite, tried."""

    message = "No library for this signature suite is installed that passes its self-test."


class AgreementDataError(TrustError):
    """An agreement is written wrongly. Metadata: agreement, faults; `faults` lists all of them."""

    message = "The agreement is written wrongly."

    def __init__(self, *, agreement: str, faults: Sequence[str]) -> None:
        """Keep the name of the agreement and every fault found, each a fixed sentence about a place."""
        super().__init__(agreement=agreement, faults="; ".join(faults))
        self.faults: tuple[str, ...] = tuple(faults)
