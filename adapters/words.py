"""The closed lists of the neutral vocabulary: one word for one thing, as messages, tables and code spell it."""

from __future__ import annotations

from enum import StrEnum


class CardStatus(StrEnum):
    """State of a card. UNKNOWN stands for every raw value that a region's table does not hold, and fails closed."""

    NOT_ACTIVATED = "not_activated"
    ACTIVE = "active"
    LOST_TEMPORARY = "lost_temporary"
    LOST_FORMAL = "lost_formal"
    LOCKED = "locked"
    SEALED = "sealed"
    VOID = "void"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    REPLACED = "replaced"


class CardEventKind(StrEnum):
    """What can happen to a card, as its platform reports it (Guangdong Art. 5, Shiyan Art. 5 and 17).

    ACTIVATED puts a card (back) into use; only THAWED ends a loss. UNREADABLE stands for a raw value that a region's
    table does not hold.
    """

    NOT_ACTIVATED = "not_activated"
    ACTIVATED = "activated"
    LOST_TEMPORARY = "lost_temporary"
    LOST_FORMAL = "lost_formal"
    THAWED = "thawed"
    LOCKED = "locked"
    SEALED = "sealed"
    REPLACED = "replaced"
    VOIDED = "voided"
    CANCELLED = "cancelled"
    FUNCTION_SUSPENDED = "function_suspended"
    FUNCTION_RESTORED = "function_restored"
    UNREADABLE = "unreadable"


class CardFunction(StrEnum):
    """Function of a card that can be suspended by itself (Shiyan regulation Art. 17)."""

    SOCIAL_SECURITY = "social_security"
    FINANCIAL = "financial"


class ApplicationClass(StrEnum):
    """What a card is used for (Chongqing work plan, legend 4). The order is the order of verdicts."""

    IDENTITY = "identity"
    DISBURSEMENT = "disbursement"
    PAYMENT = "payment"


class Medium(StrEnum):
    """Form of the card; both are equal in law (Guangdong Art. 2, Shiyan Art. 3), an item may accept only one."""

    PHYSICAL = "physical"
    ELECTRONIC = "electronic"


class Purpose(StrEnum):
    """Why a card is looked at; a closed list."""

    IDENTITY_CHECK = "identity_check"
    SERVICE_ACCESS = "service_access"
    BENEFIT_DISBURSEMENT = "benefit_disbursement"
    FEE_PAYMENT = "fee_payment"
    MEDICAL_CARE = "medical_care"
    RECORD_ENQUIRY = "record_enquiry"


class Sex(StrEnum):
    """Sex, GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 not stated."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"
    NOT_STATED = "not_stated"


class DocumentType(StrEnum):
    """Kind of identity document."""

    CITIZEN_ID = "citizen_id"
    RESIDENCE_PERMIT = "residence_permit"
    HOME_RETURN_PERMIT = "home_return_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    PERMANENT_RESIDENT_CARD = "permanent_resident_card"
    PASSPORT = "passport"
    HONGKONG_IDENTITY_CARD = "hongkong_identity_card"
    MACAO_IDENTITY_CARD = "macao_identity_card"


class Relation(StrEnum):
    """How one item stands to another: the first is RELATION than, or to, the second.

    CONFLICTING: their scopes have a proven part in common, and another facet leaves no use that both would allow.
    """

    EXACT = "exact"
    BROADER = "broader"
    NARROWER = "narrower"
    OVERLAPPING = "overlapping"
    CONFLICTING = "conflicting"
    NONE = "none"


SCOPE_RELATIONS = frozenset(Relation) - {Relation.CONFLICTING, Relation.NONE}
"""The relations that a scope may have to an item type."""


class Layer(StrEnum):
    """Layer of a catalog."""

    NATIONAL = "national"
    PROVINCE = "province"
    CITY = "city"
    SUPPLEMENTARY = "supplementary"
    JOINT = "joint"


class LegalStatus(StrEnum):
    """Whether a rule binds; a draft is visible and never authorises."""

    IN_FORCE = "in_force"
    DRAFT = "draft"


class Requirement(StrEnum):
    """Whether a text demands that an item is offered (应当), or allows, encourages or tries it (可以、鼓励、探索)."""

    UNSTATED = ""
    REQUIRED = "required"
    OPTIONAL = "optional"


class VenueSet(StrEnum):
    """At which venues of its kind an item can be used, as far as its text says."""

    UNSTATED = ""
    ALL = "all"
    PUBLIC = "public"
    LISTED = "listed"
    SOME = "some"
    NEW = "new"


class LossKind(StrEnum):
    """How a field suffered in translation."""

    DROPPED = "dropped"
    UNMAPPABLE = "unmappable"
    REDUCED = "reduced"
