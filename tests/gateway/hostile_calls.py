"""What the hostile tests share: a caller, the codes that are bugs, and the codes of an outcome with its entries."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import grpc
import pytest

from tests.sandbox_fixture.calls import METHODS, Gateway, Outcome
from tests.sandbox_fixture.cards import verify_request
from tests.sandbox_fixture.requests import CALLER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox_fixture.running import RunningSandbox

Code = grpc.StatusCode
LIST = "RegionService/ListRegions"
VERIFY = "IdentityService/VerifyCard"
BUGS = {Code.UNKNOWN, Code.INTERNAL, Code.UNIMPLEMENTED, Code.DATA_LOSS}

each_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture
def sichuan(sandbox: RunningSandbox) -> Iterator[Gateway]:
    """Give Sichuan's platform as a caller; whatever a test did to the gateway, it answers another caller afterwards."""
    with Gateway(sandbox, CALLER) as gateway:
        yield gateway
    with Gateway(sandbox, CALLER) as other:
        request = verify_request("chongqing", "SC-13", request_id=uuid.uuid4().hex)
        assert other.call(VERIFY, request).reply.recognition


def errors_of(outcome: Outcome) -> set[Code]:
    """Give the code of a call and those of its entries."""
    by_number = {code.value[0]: code for code in Code}
    entries = (one for reply in outcome.replies for one in getattr(reply, "outcomes", ()))
    return {outcome.code, *(by_number[one.error.code] for one in entries)}
