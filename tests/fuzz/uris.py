"""URIs that try to reach what is not allowed. `pictures.test` is the one host that is."""

from __future__ import annotations

import random
from urllib.parse import quote

ALLOWED = "pictures.test"

TRICKS = (
    # the right one, and its own answers
    *(f"http://{ALLOWED}/picture", f"http://{ALLOWED}/large", f"http://{ALLOWED}/slow"),
    *(f"http://{ALLOWED}/loop", f"http://{ALLOWED}/broken", f"HTTP://{ALLOWED.upper()}/picture"),
    # this machine and its neighbours, in every spelling of an address
    *("http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0/", "http://0.0.0.0/"),
    *("http://2130706433/", "http://017700000001/", "http://0177.0.0.1/", "http://0x7f000001/"),
    *("http://0x7f.0.0.1/", "http://0x7F.1/", "http://[::1]/", "http://[::]/", "http://localhost/"),
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:7f00:1]/"),
    *("http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    *("http://[fe80::1%25lo]/", "http://[fe80::1%lo]/", "http://[::1%25lo]/"),
    *("http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.7/"),
    *("http://127.0.0.1.:80/", "http://127。0。0。1/", "http://①②⑦.⓪.⓪.①/", "http://localhost./"),
    # a user, a password, or what looks like one
    *(f"http://{ALLOWED}@evil.test/", f"http://{ALLOWED}:80@evil.test/", f"http://a:b@{ALLOWED}/"),
    *(f"http://evil.test#@{ALLOWED}/", f"http://evil.test?@{ALLOWED}/", f"http://@{ALLOWED}/"),
    *(f"http://evil.test\\@{ALLOWED}/", f"http://{ALLOWED}\\@evil.test/", "http://:@evil.test/"),
    *(
        f"http://{ALLOWED}%40evil.test/",
        f"http://{ALLOWED}%2f@evil.test/",
        f"http://{ALLOWED}%00.evil.test/",
    ),
    # nearly the name
    *(
        f"http://{ALLOWED}./picture",
        f"http://{ALLOWED}../",
        f"http://.{ALLOWED}/",
        f"http://a.{ALLOWED}/",
    ),
    *(f"http://{ALLOWED}.evil.test/", f"http://evil-{ALLOWED}/", "http://pictures.tes/"),
    *("http://pictures%2etest/picture", "http://%70ictures.test/", "http://pictures%00.test/"),
    *(
        "http://рictures.test/",
        "http://xn--ictures-0fg.test/",
        "http://pi\u00adctures.test/picture",
    ),
    *("http://pictures\u3002test/picture", "http://ｐictures.test/", "http://pictureſ.test/"),
    # other ports, schemes and forms
    *(
        f"http://{ALLOWED}:8080/",
        f"http://{ALLOWED}:443/",
        f"http://{ALLOWED}:0/",
        f"http://{ALLOWED}:22/",
    ),
    *(
        f"http://{ALLOWED}:99999/",
        f"http://{ALLOWED}:/picture",
        f"http://{ALLOWED}:8 0/",
        f"https://{ALLOWED}:80/",
    ),
    *(f"http://{ALLOWED}:+80/", f"http://{ALLOWED}:٨٠/", f"http://{ALLOWED}:80:80/"),
    *(
        "file:///etc/passwd",
        f"file://{ALLOWED}/etc/passwd",
        "FILE:/etc/passwd",
        "ftp://pictures.test/",
    ),
    *(
        "gopher://pictures.test/",
        "data:image/png;base64,AAAA",
        "unix:/run/x",
        "http+unix://%2frun/",
    ),
    *(
        "javascript:alert(1)",
        "ws://pictures.test/",
        "jar:http://pictures.test!/",
        "dict://pictures.test/",
    ),
    *(f"//{ALLOWED}/picture", f"{ALLOWED}/picture", "/picture", "http:///picture", "http:/picture"),
    *(
        "http://",
        "http:",
        "http:pictures.test",
        ":",
        "http://[",
        "http://[::1",
        "http://]/",
        "http://[]/",
    ),
    # the request itself
    *(f"http://{ALLOWED}/%0d%0aHost:%20evil.test", f"http://{ALLOWED}/\r\nHost: evil.test"),
    *(f"http://{ALLOWED}\r\nHost: evil.test/", f"http://{ALLOWED}%0d%0aHost:evil.test/"),
    *(f"http://{ALLOWED}/\t", f" http://{ALLOWED}/picture", f"http://{ALLOWED}/" + "a" * 3000),
    *(
        f"http://{ALLOWED}/{'../' * 9}etc/passwd",
        f"http://{ALLOWED}/picture?\u2028",
        "http://\ud7ff/",
    ),
)


def redirecting(rng: random.Random, trick: str) -> str:
    """The allowed host, which leads on to `trick`; over itself first, now and then."""
    place = f"http://{ALLOWED}/to?{quote(trick, safe='')}"
    if rng.random() < 0.3:
        place = f"http://{ALLOWED}/to?{quote(place, safe='')}"
    return place
