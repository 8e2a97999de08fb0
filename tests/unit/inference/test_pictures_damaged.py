"""Whatever the bytes hold, a picture is shown or refused, and nothing else happens."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import NotAPicture, PictureError, TruncatedPicture
from inference.pictures import PictureLimits, open_picture
from tests.support.pictures import MULTIPLE, animation, noise, saved

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
LIMITS = PictureLimits(max_pixels=1_000_000, max_frames=5)
WHOLE = [
    saved(noise(), "JPEG"),
    saved(noise(), "JPEG", progressive=True),
    saved(noise().convert("CMYK"), "JPEG"),
    saved(noise(), "PNG"),
    saved(noise().quantize(), "PNG", transparency=3),
    saved(noise(), "WEBP"),
    saved(noise().convert("RGBA"), "WEBP", lossless=True),
    saved(noise(), "GIF"),
    saved(noise(), "BMP"),
    saved(noise(), "TIFF"),
    saved(noise(), "TIFF", compression="tiff_adobe_deflate"),
    saved(noise(), "TIFF", compression="tiff_lzw"),
    *(animation(kind, 3) for kind in MULTIPLE),
]


@pytest.mark.parametrize("data", WHOLE, ids=range(len(WHOLE)))
def test_a_file_cut_anywhere_shows_the_whole_picture_or_is_refused(data: bytes) -> None:
    whole = np.asarray(open_picture(data, LIMITS, shortest_side=32))
    refusals = set()
    for length in [*range(1, len(data), max(1, len(data) // 60)), len(data) - 1]:
        try:
            image = open_picture(data[:length], LIMITS, shortest_side=32)
        except PictureError as error:
            refusals.add(type(error))
        else:
            assert np.array_equal(np.asarray(image), whole)
    assert TruncatedPicture in refusals
    assert refusals <= {TruncatedPicture, NotAPicture}


@settings(max_examples=300)
@given(st.sampled_from(WHOLE), st.data())
def test_a_damaged_file_raises_nothing_but_a_refusal(whole: bytes, draw: st.DataObject) -> None:
    data = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at : at + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=6))
        data = data or bytearray(b"x")
    shown_or_refused(bytes(data))


MAGIC = [data[:12] for data in WHOLE] + [b"", b"BM", b"II+\0", b"MM\0*", b"MM\0+"]


@settings(max_examples=200)
@given(st.sampled_from(MAGIC), st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_a_refusal(magic: bytes, rest: bytes) -> None:
    shown_or_refused(magic + rest)


def shown_or_refused(data: bytes) -> None:
    try:
        image = open_picture(data, LIMITS, shortest_side=16)
    except PictureError:
        return
    assert image.mode == "RGB"


def test_a_process_keeps_no_warnings_about_hostile_pictures() -> None:
    # in a process of its own, because pytest replaces the filters of warnings
    script = (
        "import sys, inference.pictures as p\n"
        "from PIL import TiffImagePlugin as t\n"
        "try: p.open_picture(sys.stdin.buffer.read(), p.PictureLimits(), shortest_side=16)\n"
        "except p.PictureError: pass\n"
        "print(getattr(t, '__warningregistry__', {}).keys() - {'version'})\n"
    )
    broken = saved(noise(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x10\0\0\0")
    done = subprocess.run(
        [sys.executable, "-c", script], input=broken, capture_output=True, check=True
    )
    assert (done.stdout.decode().strip(), done.stderr) == ("set()", b"")
