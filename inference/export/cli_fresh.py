"""`lookstream export resnet50` and `lookstream export onnx`: models without fitted files in git."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference.errors import ModelError
from inference.export import foreign, resnet
from inference.export.fresh import Wanted, export_fresh
from inference.export.report import refuse, show
from inference.export.trunk import ChannelOrder, InputRule, Layout
from inference.manifest import Source
from inference.preprocess import Interpolation, Preprocessing

ModelsDir = Annotated[Path, typer.Option(help="The folder of exported models.")]
Name = Annotated[str, typer.Option(help="The new model's name, its folder's too.")]
Pictures = Annotated[
    Path | None,
    typer.Option(help="Folder of pictures to fit on, best your own; default: OpenMoji, drawn."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Fit anew; the model gets a new id.")]
Figures = Annotated[bool, typer.Option(help="Measure precision, cosines and speed (a minute).")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads to fit with.")]
_DEFAULT_DIR = Path("exported_models")


def resnet50(
    *,
    weights: Annotated[
        Path | None, typer.Option(help="A .pth of torchvision's; default: downloaded.")
    ] = None,
    name: Name = "resnet50",
    pictures: Pictures = None,
    replace: Replace = False,
    figures: Figures = True,
    threads: Threads = 2,
    models_dir: ModelsDir = _DEFAULT_DIR,
) -> None:
    """torchvision's ResNet-50 (or another of its ResNets), from its weights, without torch."""
    console = Console(stderr=True)
    try:
        _check_name(name)
        data, origin = resnet.read_weights(weights)
        trunk = resnet.build_trunk(data)
        source = Source(
            weights=origin,
            sha256=hashlib.sha256(data).hexdigest(),
            feature=f"{trunk.dim} channels, before the pooling",
            url="https://github.com/pytorch/vision",
            licence="BSD-3-Clause; the weights were trained on ImageNet",
            attribution="torchvision",
        )
        wanted = Wanted(
            name=name,
            trunk=trunk,
            source=source,
            preprocessing=Preprocessing(size=224, resize=224, interpolation="bilinear"),
            pictures=pictures,
            replace=replace,
            measured=figures,
            threads=threads,
        )
        _export(models_dir, wanted, console)
    except ModelError as error:
        refuse(console, error)


def onnx(
    file: Annotated[Path, typer.Argument(help="The CNN, with its weights in the file.")],
    *,
    name: Name,
    licence: Annotated[str, typer.Option(help="The weights' licence, for the manifest.")],
    source: Annotated[str, typer.Option(help="Where the weights come from, for the manifest.")],
    layout: Annotated[Layout, typer.Option(help="The input's layout.")] = "nchw",
    channel_order: Annotated[ChannelOrder, typer.Option(help="Of the input.")] = "rgb",
    size: Annotated[int, typer.Option(min=8, max=2048, help="Side of the input.")] = 224,
    resize: Annotated[
        int | None, typer.Option(help="Shorter side before the middle is cut out; default: size.")
    ] = None,
    interpolation: Annotated[Interpolation, typer.Option(help="Of the resizing.")] = "bilinear",
    grayscale: Annotated[bool, typer.Option(help="Three equal channels of luma.")] = False,
    mean: Annotated[
        str, typer.Option(help="Subtracted from pixels of 0..255, in the model's channel order.")
    ] = "123.675,116.28,103.53",
    std: Annotated[str, typer.Option(help="Then divided by.")] = "58.395,57.12,57.375",
    feature: Annotated[
        str | None,
        typer.Option(help="Feature tensor, channels second; default: the output."),
    ] = None,
    pictures: Pictures = None,
    replace: Replace = False,
    figures: Figures = True,
    threads: Threads = 2,
    models_dir: ModelsDir = _DEFAULT_DIR,
) -> None:
    """Any CNN that somebody exported to ONNX, brought into the same form."""
    console = Console(stderr=True)
    try:
        _check_name(name)
        divisors = _three(std, "--std")
        if min(divisors) <= 0:
            raise ModelError("--std takes numbers above 0")
        scale = (1 / divisors[0], 1 / divisors[1], 1 / divisors[2])
        rule = InputRule(layout, channel_order, _three(mean, "--mean"), scale)
        preprocessing = _preprocessing(size, resize or size, interpolation, grayscale=grayscale)
        trunk = foreign.read_trunk(file, rule, size=size, feature=feature)
        wanted = Wanted(
            name=name,
            trunk=trunk,
            source=Source(
                weights=file.name,
                sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
                feature=f"{feature or 'output'}, {trunk.dim} channels; {layout}, {channel_order}, "
                f"mean {mean}, std {std}",
                url=source,
                licence=licence,
            ),
            preprocessing=preprocessing,
            pictures=pictures,
            replace=replace,
            measured=figures,
            threads=threads,
        )
        _export(models_dir, wanted, console)
    except ModelError as error:
        refuse(console, error)


def _export(models_dir: Path, wanted: Wanted, console: Console) -> None:
    with console.status(f"exporting {wanted.name} …") as status:
        manifest = export_fresh(
            models_dir, wanted, lambda what: status.update(f"{wanted.name}: {what} …")
        )
    show(Console(), manifest, models_dir)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ModelError(
            f"--name {name!r:.40}: letters, digits, '.', '_' and '-', beginning with a letter or "
            "digit, at most 100"
        )


def _three(text: str, option: str) -> tuple[float, float, float]:
    """ "a,b,c", or one number for all channels."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ModelError(f"{option} {text!r:.40}: one number, or three with commas") from error
    if len(numbers) == 1:
        numbers = numbers * 3
    if len(numbers) != 3 or not all(abs(number) < 1e6 for number in numbers):
        raise ModelError(f"{option} {text!r:.40}: one number, or three with commas")
    return numbers[0], numbers[1], numbers[2]


def _preprocessing(
    size: int, resize: int, interpolation: Interpolation, *, grayscale: bool
) -> Preprocessing:
    try:
        return Preprocessing(
            size=size, resize=resize, interpolation=interpolation, grayscale=grayscale
        )
    except ValueError as error:
        raise ModelError(str(error)) from error
