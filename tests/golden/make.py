"""Maintainers: write the expected vectors anew, after a model was fitted or exported anew.

python -m tests.golden.make
"""

from __future__ import annotations

import numpy as np

from inference.encoder import Encoder
from tests.golden.models import NAMES, golden_file, models_dir_with
from tests.golden.pictures import golden_pictures


def main() -> None:
    for name in NAMES:
        folder = models_dir_with(name)
        full = Encoder(folder, name, device="cpu", threads=1)
        small = Encoder(folder, f"{name}:int8", device="cpu", threads=1)
        pictures = golden_pictures()
        np.savez(
            golden_file(name),
            model_id=np.array(full.model_id),
            fp32=full.encode(pictures).astype(np.float16),
            int8=small.encode(pictures).astype(np.float16),
        )


if __name__ == "__main__":
    main()
