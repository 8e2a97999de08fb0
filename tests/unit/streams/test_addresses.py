"""Only addresses of the public internet are connected to for somebody outside."""

from __future__ import annotations

import pytest

from streams.addresses import check_literal, is_public
from streams.errors import EventError, Reason

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]
PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_no_public_network_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(EventError) as refused:
        check_literal(address)
    assert refused.value.reason == Reason.URI_NOT_ALLOWED


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert is_public(address)
    check_literal(address)


def test_a_name_is_left_to_the_resolver() -> None:
    check_literal("localhost")
    check_literal("0x7f.1")


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0177.0.0.1", "0", "017700000001"])
def test_a_number_that_is_no_address_in_its_usual_form_is_refused(host: str) -> None:
    with pytest.raises(EventError) as refused:
        check_literal(host)
    assert refused.value.reason == Reason.URI_NOT_ALLOWED
