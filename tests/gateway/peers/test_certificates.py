"""TLS files: read whole, read again when they change, never half; handshakes and calls do not notice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from gateway.errors import SettingsError
from gateway.peers.certificates import TlsFiles, TlsMaterial, TlsWatch, follow_files, server_credentials
from tests.fakes.authority import FakeAuthority
from tests.fakes.tls import FakeTlsFolder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

NAME = "gateway.test"
OPTIONS = (("grpc.ssl_target_name_override", NAME), ("grpc.use_local_subchannel_pool", 1))
OLD, NEW = FakeAuthority("old CA"), FakeAuthority("new CA")


class Heard:
    """Notes what was told of the files."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.told: list[tuple[bool, str]] = []

    def __call__(self, *, rotated: bool, fault: str) -> None:
        """Note it."""
        self.told.append((rotated, fault))


@pytest.fixture
def folder(tmp_path: Path) -> FakeTlsFolder:
    """Lay down the files."""
    return FakeTlsFolder(tmp_path).write(*OLD.issue(NAME), authorities=OLD.certificate)


def test_material_is_what_the_files_say_and_hides_its_key(folder: FakeTlsFolder) -> None:
    """Authorities are joined, each once."""
    second = folder.folder / "second.pem"
    second.write_bytes(NEW.certificate)
    files = TlsFiles(
        certificate=folder.certificate,
        key=folder.key,
        authorities=(folder.authorities, folder.authorities, second, folder.authorities),
    )
    material = files.read()
    assert material.certificate == folder.certificate.read_bytes()
    assert material.key == folder.key.read_bytes()
    assert material.authorities == OLD.certificate + b"\n" + NEW.certificate
    assert "PRIVATE" not in repr(material)
    assert folder.files().read().authorities == b""


def _foreign_key(folder: FakeTlsFolder) -> None:
    folder.replace(folder.key, OLD.issue(NAME)[1])


def _open_key(folder: FakeTlsFolder) -> None:
    folder.replace(folder.key, folder.key.read_bytes(), mode=0o640)


FAULTS: list[tuple[Callable[[FakeTlsFolder], object], str]] = [
    (lambda f: f.certificate.unlink(), "tls.pem: cannot be read"),
    (lambda f: f.key.unlink(), "tls.key: cannot be read"),
    (lambda f: f.authorities.unlink(), "clients.pem: cannot be read"),
    (_open_key, "tls.key: can be read by others; allow the owner only (mode 600)"),
    (_foreign_key, "tls.key: is not the key of tls.pem"),
    (lambda f: f.replace(f.key, b"secret-canary"), "tls.pem, tls.key: no PEM of certificate and key"),
    (lambda f: f.replace(f.certificate, b"canary"), "tls.pem, tls.key: no PEM of certificate and key"),
    (lambda f: f.replace(f.authorities, b"canary"), "clients.pem: no PEM of certificates"),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_files_that_cannot_be_used_are_named_and_not_repeated(
    folder: FakeTlsFolder, spoil: Callable[[FakeTlsFolder], object], fault: str
) -> None:
    """At the start that is an error; later, the former material stays until the files are good again."""
    heard = Heard()
    watch = TlsWatch(folder.files(mutual=True), told=heard)
    former = watch.material
    spoil(folder)
    with pytest.raises(SettingsError) as caught:
        TlsWatch(folder.files(mutual=True))
    assert caught.value.faults == (fault,)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    for _ in range(2):
        assert watch.changed() is None
    assert watch.material is former
    assert heard.told == [(False, fault)]
    folder.write(*NEW.issue(NAME), authorities=NEW.certificate)
    assert watch.changed() is watch.material
    assert watch.material.authorities == NEW.certificate
    assert heard.told[1:] == [(True, "")]


def test_half_a_rotation_is_waited_out(folder: FakeTlsFolder) -> None:
    """The new certificate alone is not used; with its key it is, once."""
    heard = Heard()
    watch = TlsWatch(folder.files(), told=heard)
    assert watch.changed() is None
    certificate, key = NEW.issue(NAME)
    folder.replace(folder.certificate, certificate)
    assert watch.changed() is None
    folder.replace(folder.key, key)
    assert watch.changed() == TlsMaterial(certificate=certificate, key=key)
    assert watch.changed() is None
    assert heard.told == [(False, "tls.key: is not the key of tls.pem"), (True, "")]


def test_the_same_content_written_again_is_no_change(folder: FakeTlsFolder) -> None:
    """Nobody is told, and nothing is rotated."""
    heard = Heard()
    watch = TlsWatch(folder.files(mutual=True), told=heard)
    folder.write(folder.certificate.read_bytes(), folder.key.read_bytes())
    assert watch.changed() is None
    assert heard.told == []


async def test_a_follower_hands_on_each_change_once(folder: FakeTlsFolder) -> None:
    """Until it is cancelled."""
    rotated: list[TlsMaterial] = []
    task = asyncio.create_task(follow_files(TlsWatch(folder.files()), rotated.append, every_seconds=0.001))
    for number in (1, 2):
        folder.write(*NEW.issue(NAME))
        while len(rotated) < number:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    # Between two replacements the pair did not fit; what was handed on always does.
    assert len(rotated) == 2
    assert rotated[-1].certificate == folder.certificate.read_bytes()


def test_nobody_is_believed_without_an_authority(folder: FakeTlsFolder) -> None:
    """A mutual port without authorities is refused; a plain one has none."""
    with pytest.raises(SettingsError) as caught:
        server_credentials(folder.files(), mutual=True)
    assert caught.value.faults == ("mutual TLS: no authority for the certificates of callers",)


@pytest.mark.parametrize("mutual", [True, False])
def test_a_server_is_given_new_material_once(
    folder: FakeTlsFolder, monkeypatch: pytest.MonkeyPatch, mutual: bool
) -> None:
    """Before a handshake; None, where nothing changed, leaves it what it has."""
    given: list[Any] = []
    monkeypatch.setattr(grpc, "ssl_server_certificate_configuration", lambda pairs, roots: (pairs, roots))
    monkeypatch.setattr(grpc, "dynamic_ssl_server_credentials", lambda *arguments: given.extend(arguments))
    server_credentials(folder.files(mutual=True), mutual=mutual)
    initial, fetch, required = given
    roots = OLD.certificate if mutual else None
    assert required is mutual
    assert initial == ([(folder.key.read_bytes(), folder.certificate.read_bytes())], roots)
    assert fetch() is None
    certificate, key = NEW.issue(NAME)
    folder.write(certificate, key)
    assert fetch() == ([(key, certificate)], roots)
    assert fetch() is None


class Echo:
    """Gives back what it gets, after a moment, and counts."""

    def __init__(self) -> None:
        """Begin with no call."""
        self.calls = 0

    async def handle(self, raw: bytes, _context: object) -> bytes:
        """Answer one call."""
        self.calls += 1
        await asyncio.sleep(0.001)
        return raw


@asynccontextmanager
async def echoing(credentials: grpc.ServerCredentials) -> AsyncIterator[tuple[Echo, str]]:
    """Serve, and give the address."""
    echo, server = Echo(), grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(echo.handle)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {"Say": handler}),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield echo, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def say_on(channel: Any) -> bytes:  # noqa: ANN401 - its stubs demand serializers
    """Make one call."""
    return bytes(await channel.unary_unary("/test.Echo/Say")(b"hello", timeout=10))


async def say(address: str, *, trusted: bytes, shown: tuple[bytes, bytes] | None = None) -> bytes:
    """Make one call over a connection of its own."""
    certificate, key = shown or (None, None)
    credentials = grpc.ssl_channel_credentials(trusted, key, certificate)
    async with grpc.aio.secure_channel(address, credentials, OPTIONS) as channel:
        return await say_on(channel)


async def test_certificates_of_a_server_rotate_under_load_without_a_failed_call(folder: FakeTlsFolder) -> None:
    """TR4: open connections go on, new ones meet the new certificate, and who only believes the old one is refused."""
    both = OLD.certificate + NEW.certificate
    heard, done = Heard(), asyncio.Event()
    credentials = server_credentials(folder.files(mutual=True), mutual=True, told=heard)
    shown = OLD.issue("client.test")
    async with echoing(credentials) as (echo, address):
        kept = grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(both, shown[1], shown[0]), OPTIONS)

        async def load_on_one_connection() -> int:
            answered = 0
            while not done.is_set():
                assert await say_on(kept) == b"hello"
                answered += 1
            return answered

        async def load_on_new_connections() -> int:
            answered = 0
            while not done.is_set():
                assert await say(address, trusted=both, shown=shown) == b"hello"
                answered += 1
            return answered

        load = [asyncio.create_task(load_on_one_connection()), asyncio.create_task(load_on_new_connections())]
        for number in range(10):
            folder.write(*(NEW if number % 2 else OLD).issue(NAME))
            for _ in range(3):
                await say(address, trusted=both, shown=shown)
        done.set()
        answered = await asyncio.gather(*load)
        assert await say(address, trusted=NEW.certificate, shown=shown) == b"hello"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await say(address, trusted=OLD.certificate, shown=shown)
        await kept.close(None)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert min(answered) > 0
    assert echo.calls == sum(answered) + 31
    assert [told for told in heard.told if told[0]] == [(True, "")] * 10


async def test_authorities_of_callers_rotate_too(folder: FakeTlsFolder) -> None:
    """TR4: a new authority is believed from the next handshake on, and one that was taken away no longer."""
    credentials = server_credentials(folder.files(mutual=True), mutual=True)
    old, new = OLD.issue("client.test"), NEW.issue("client.test")
    async with echoing(credentials) as (echo, address):
        for authorities, good in (
            (OLD.certificate, (old,)),
            (OLD.certificate + NEW.certificate, (old, new)),
            (NEW.certificate, (new,)),
        ):
            folder.replace(folder.authorities, authorities)
            for shown in (old, new):
                calls = echo.calls
                if shown in good:
                    assert await say(address, trusted=OLD.certificate, shown=shown) == b"hello"
                    continue
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await say(address, trusted=OLD.certificate, shown=shown)
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
                assert echo.calls == calls


async def test_files_that_go_bad_do_not_stop_a_server(folder: FakeTlsFolder) -> None:
    """It goes on with what it has, and says so."""
    heard = Heard()
    async with echoing(server_credentials(folder.files(), mutual=False, told=heard)) as (_, address):
        folder.key.unlink()
        assert await say(address, trusted=OLD.certificate) == b"hello"
    assert heard.told == [(False, "tls.key: cannot be read")]
