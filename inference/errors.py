"""Every way a picture or a model can be refused, as two trees.

    PictureError                 this picture is refused; `code` is the dead letter's reason
    ├── EmptyPicture             empty-picture        no bytes at all
    ├── NotAPicture              not-a-picture        no picture format begins like this
    ├── FormatNotAllowed         format-not-allowed   a picture, of a kind that is not read here
    ├── TruncatedPicture         truncated-picture    the file ends before the picture does
    ├── BrokenPicture            broken-picture       the header or the data contradict the format
    ├── TooManyBytes             too-many-bytes       the file is larger than the limit
    ├── TooManyPixels            too-many-pixels      the header promises more than the limit
    ├── TooManyFrames            too-many-frames      animated, or of many pages, beyond the limit
    └── DecompressionBomb        decompression-bomb   small here, enormous once unpacked

    ModelError                   this model cannot be used; the message says what to do
    ├── ManifestInvalid          the description beside the model is unreadable or contradictory
    │   └── UnknownManifestVersion   it was written by another version of lookstream
    ├── ModelFileMissing         the manifest is there, a file that it names is not
    ├── ModelFileChanged         a file's hash is not the manifest's
    ├── ModelShapeWrong          the graph's inputs or outputs are not what the manifest says
    ├── DeviceUnavailable        the device that was asked for cannot run this model
    └── ExtraMissing             a package that this needs is not installed

A detail holds sizes, formats and limits, never bytes of the picture.
"""

from __future__ import annotations

from typing import ClassVar


class PictureError(Exception):
    """This picture is refused. `code` is stable; `detail` is one printable sentence."""

    code: ClassVar[str]

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class EmptyPicture(PictureError):
    """There are no bytes."""

    code = "empty-picture"


class NotAPicture(PictureError):
    """The first bytes belong to no picture format."""

    code = "not-a-picture"


class FormatNotAllowed(PictureError):
    """A picture whose format is known, and not among those read here."""

    code = "format-not-allowed"


class TruncatedPicture(PictureError):
    """The file ends before the picture does."""

    code = "truncated-picture"


class BrokenPicture(PictureError):
    """The header or the data contradict the format."""

    code = "broken-picture"


class TooManyBytes(PictureError):
    """The file is larger than the limit."""

    code = "too-many-bytes"


class TooManyPixels(PictureError):
    """The header promises more pixels than the limit."""

    code = "too-many-pixels"


class TooManyFrames(PictureError):
    """Animated, or of many pages, beyond the limit."""

    code = "too-many-frames"


class DecompressionBomb(PictureError):
    """A part of the file would take far more memory or time than the picture needs."""

    code = "decompression-bomb"


class ModelError(Exception):
    """This model cannot be used as it is. The message says what is wrong and what to do."""


class ManifestInvalid(ModelError):
    """The description beside the model cannot be read, or contradicts itself."""


class UnknownManifestVersion(ManifestInvalid):
    """The manifest was written by a version of lookstream that this one does not know."""


class ModelFileMissing(ModelError):
    """The manifest is there, and a file that it names is not."""


class ModelFileChanged(ModelError):
    """A file's sha256 is not the one in the manifest."""


class ModelShapeWrong(ModelError):
    """The graph's inputs or outputs are not those of the manifest."""


class DeviceUnavailable(ModelError):
    """The device that was asked for cannot run this model."""


class ExtraMissing(ModelError):
    """A package that this needs is not installed."""
