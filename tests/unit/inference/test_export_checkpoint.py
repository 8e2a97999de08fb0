from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest

from inference.errors import ModelError
from inference.export.checkpoint import read_state_dict
from tests.support.checkpoints import legacy_checkpoint, torch_names, zip_checkpoint

__all__ = ["torch_names"]
STATE = {
    "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "turned": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
    "count": np.array(3, dtype=np.int64),
    "half": np.array([0.5, 2], dtype=np.float16),
}
FORMATS = [legacy_checkpoint, zip_checkpoint]


@pytest.mark.parametrize("write", FORMATS)
def test_tensors_come_out_as_they_went_in(write, torch_names):
    state = read_state_dict(write(STATE))
    assert list(state) == list(STATE)
    for name, array in STATE.items():
        np.testing.assert_array_equal(state[name], array)
        assert state[name].dtype == array.dtype


class Bad:
    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return os.mkdir, (self.flag,)


def _zip(pickled, extra=None):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_a_checkpoint_that_calls_a_function_is_refused_and_does_not_call_it(tmp_path):
    flag = str(tmp_path / "called")
    bad = pickle.dumps({"weight": Bad(flag)}, protocol=2)
    for data in (_zip(bad), bad):
        with pytest.raises(ModelError, match="more than tensors"):
            read_state_dict(data)
    assert not os.path.exists(flag)


@pytest.mark.parametrize("name", ["builtins.eval", "torch._utils._rebuild_qtensor", "torch.load"])
def test_other_names_are_refused_even_when_they_are_only_named(name):
    module, _, attribute = name.rpartition(".")
    with pytest.raises(ModelError, match="more than tensors"):
        read_state_dict(_zip(f"c{module}\n{attribute}\n.".encode()))


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_a_part_of_a_checkpoint_is_refused(write, share, torch_names):
    data = write(STATE)
    with pytest.raises(ModelError, match="checkpoint"):
        read_state_dict(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", b"\x80\x02.", pickle.dumps([1, 2])])
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(ModelError, match="checkpoint"):
        read_state_dict(data)


def test_a_zip_that_unpacks_to_much_more_is_refused():
    data = _zip(pickle.dumps({}), {"archive/data/0": b"\0" * 50_000_000})
    with pytest.raises(ModelError, match="compressed"):
        read_state_dict(data)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (1000,), (1,)),
        (10**12, (2,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (10**9, 10**9), (0, 0)),
        (0, (1,) * 20, (1,) * 20),
    ],
)
def test_a_tensor_that_leaves_its_storage_is_refused(offset, shape, strides, torch_names):
    torch = sys.modules["torch"]

    class Ref:
        pass

    class Tensor:
        def __reduce__(self):
            return sys.modules["torch._utils"]._rebuild_tensor_v2, (Ref(), offset, shape, strides)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return ("storage", torch.FloatStorage, "0", "cpu", 4) if isinstance(obj, Ref) else None

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump({"a": Tensor()})
    with pytest.raises(ModelError, match="tensor"):
        read_state_dict(_zip(stream.getvalue(), {"archive/data/0": bytes(16)}))
