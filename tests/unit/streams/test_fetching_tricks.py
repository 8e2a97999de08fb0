"""Every trick by which a URI may try to reach what is not allowed, and what each defence is for."""

from __future__ import annotations

import inspect
import socket
import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from aiohttp.abc import ResolveResult

from streams import addresses, fetching
from streams.errors import EventError, Reason
from tests.fuzz.uris import ALLOWED, TRICKS
from tests.support.web import PICTURE, Names, Web, answer, running_web

PLACE = f"http://{ALLOWED}/picture"


class LeadsHere(Names):
    """Whatever name is asked for, the port is the one where our web server listens."""

    def __init__(self, port: int, *answers: str) -> None:
        super().__init__(*answers)
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await super().resolve(host, self._port, family)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with running_web() as site:
        site.at("/picture", answer("200 OK", PICTURE))
        yield site


async def end(
    web: Web, uri: str, names: Names, module: ModuleType = fetching, **limits: Any
) -> str:
    """How a fetch ends: "fetched", or the reason; any other error's name."""

    async def at_once(seconds: float) -> None:
        pass

    values = {"hosts": (ALLOWED,), "allow_private_addresses": True, "tries": 1, "timeout_s": 5.0}
    made = module.Fetcher(module.FetchLimits(**{**values, **limits}), resolver=names, sleep=at_once)
    try:
        return "fetched" if await made.fetch(uri) == PICTURE else "fetched something else"
    except EventError as refused:
        return str(refused.reason)
    except (KeyError, OSError, ValueError) as error:
        return type(error).__name__
    finally:
        await made.close()


def hosts_of(web: Web) -> list[str]:
    """The Host headers of the requests that came, one of each at most."""
    found = []
    for request in web.requests:
        named = [
            line[5:].strip() for line in request.split("\r\n") if line.lower().startswith("host:")
        ]
        assert len(named) == 1
        found += named
    return found


@pytest.mark.parametrize("led_to", [False, True], ids=["in the event", "by a redirect"])
@pytest.mark.parametrize("trick", TRICKS)
async def test_no_trick_reaches_another_host(web: Web, trick: str, led_to: bool) -> None:
    names = LeadsHere(web.port)
    uri = trick
    if led_to:
        location = trick.replace("\r", "%0d").replace("\n", "%0a")
        uri = f"http://{ALLOWED}/to"
        web.at("/to", answer("302 Found", b"", f"Location: {location}"))
    ended = await end(web, uri, names)
    assert ended in ("fetched", "uri-not-allowed", "uri-failed")
    assert set(names.asked) <= {ALLOWED}
    assert set(hosts_of(web)) <= {ALLOWED}


@pytest.mark.parametrize(
    "host",
    [
        *(
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1",
            "localhost",
            "0",
            "0x7f000001",
        ),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
async def test_an_allowed_host_that_is_this_machine_is_not_fetched_from(
    web: Web, host: str
) -> None:
    place = f"{host}:{web.port}"
    made = fetching.Fetcher(fetching.FetchLimits(hosts=(place,), tries=1))  # the real resolver
    try:
        with pytest.raises(EventError) as refused:
            await made.fetch(f"http://{place}/picture")
    finally:
        await made.close()
    assert refused.value.reason == Reason.URI_NOT_ALLOWED
    assert web.requests == []


async def test_a_name_that_is_bound_anew_between_two_tries_is_checked_again(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    web.at("/picture", answer("503 Busy", b"", "Connection: close"), answer("200 OK", PICTURE))
    for second in ("127.0.0.2", "::ffff:7f00:1", "169.254.169.254", "10.0.0.7"):
        web.scripts["/picture"].insert(0, answer("503 Busy", b"", "Connection: close"))
        names = LeadsHere(web.port, "127.0.0.1", second)
        ended = await end(web, PLACE, names, tries=3, allow_private_addresses=False)
        assert ended == "uri-not-allowed"
        assert names.asked == [ALLOWED, ALLOWED]


def without(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, *lines: str, instead: str = "if False:"
) -> Any:
    """`module` made again from its source, with lines of defence replaced."""
    source = inspect.getsource(module)
    for line in lines:
        assert source.count(line) == 1, f"the defence reads differently now: {line}"
        source = source.replace(line, instead)
    weak = ModuleType(f"weak_{module.__name__}")
    monkeypatch.setitem(sys.modules, weak.__name__, weak)
    exec(compile(source, f"weak {module.__name__}", "exec"), weak.__dict__)
    return weak


HOSTS = "if place not in self._allowed and as_default not in self._allowed:"
USER = "if url.raw_user is not None or url.raw_password is not None:"
SCHEMES = "if url.scheme not in _DEFAULT_PORTS:"


@pytest.mark.parametrize(
    ("defence", "trick"),
    [
        (HOSTS, f"http://{ALLOWED}.evil.test/picture"),
        (HOSTS, f"http://a.{ALLOWED}/picture"),
        (HOSTS, f"http://{ALLOWED}./picture"),
        (HOSTS, f"http://{ALLOWED}:8080/picture"),
        (HOSTS, f"http://evil.test#@{ALLOWED}/picture"),
        (HOSTS, "http://рictures.test/picture"),
        (HOSTS, "http://2130706433/picture"),
        (HOSTS, "http://0x7f.0.0.1/picture"),
        (USER, f"http://a:b@{ALLOWED}/picture"),
        (SCHEMES, f"ftp://{ALLOWED}/picture"),
        (SCHEMES, f"file://{ALLOWED}/etc/passwd"),
    ],
)
async def test_each_trick_is_stopped_by_the_defence_that_is_there_for_it(
    web: Web, monkeypatch: pytest.MonkeyPatch, defence: str, trick: str
) -> None:
    web.at("/", answer("200 OK", PICTURE))
    assert await end(web, trick, LeadsHere(web.port)) == "uri-not-allowed"
    weak = without(monkeypatch, fetching, defence)
    assert await end(web, trick, LeadsHere(web.port), weak) != "uri-not-allowed"


async def test_a_redirect_is_stopped_by_being_checked(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.at("/to", answer("302 Found", b"", "Location: http://evil.test/picture"))
    uri = f"http://{ALLOWED}/to"
    assert await end(web, uri, LeadsHere(web.port)) == "uri-not-allowed"
    line = "url = self._check(location, base=url)"
    weak = without(monkeypatch, fetching, line, instead="url = url.join(URL(location))")
    assert await end(web, uri, LeadsHere(web.port), weak) == "fetched"


async def test_a_private_address_is_stopped_by_the_check_of_literals_and_of_names(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"127.0.0.1:{web.port}"
    strict = {"hosts": (place, ALLOWED), "allow_private_addresses": False}
    literal = f"http://{place}/picture"
    assert await end(web, literal, LeadsHere(web.port), **strict) == "uri-not-allowed"
    assert await end(web, PLACE, LeadsHere(web.port), **strict) == "uri-not-allowed"
    weak = without(monkeypatch, fetching, "if not self._limits.allow_private_addresses:")
    assert await end(web, literal, LeadsHere(web.port), weak, **strict) == "fetched"
    weak.CheckedResolver = without(
        monkeypatch, addresses, "if not self._allow_private:"
    ).CheckedResolver
    assert await end(web, PLACE, LeadsHere(web.port), weak, **strict) == "fetched"


async def test_size_and_redirects_are_stopped_by_their_limits(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.at("/to", *(answer("302 Found", b"", "Location: /to") for _ in range(5)))
    web.scripts["/to"].append(answer("302 Found", b"", "Location: /picture"))
    uri = f"http://{ALLOWED}/to"
    assert await end(web, uri, LeadsHere(web.port), max_redirects=3) == "uri-failed"
    assert await end(web, uri, LeadsHere(web.port), max_redirects=8) == "fetched"
    few = {"max_bytes": len(PICTURE) - 1}
    assert await end(web, PLACE, LeadsHere(web.port), **few) == "too-many-bytes"
    announced, sent = "if (response.content_length or 0) > most:", "if len(body) > most:"
    for line in (announced, sent):
        weak = without(monkeypatch, fetching, line)
        assert await end(web, PLACE, LeadsHere(web.port), weak, **few) == "too-many-bytes"
    weak = without(monkeypatch, fetching, announced, sent)
    assert await end(web, PLACE, LeadsHere(web.port), weak, **few) == "fetched"
