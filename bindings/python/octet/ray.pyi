# SPDX-License-Identifier: Apache-2.0
import os
from collections.abc import Mapping
from typing import Any, Optional, Union

import numpy.typing as npt

_Array = npt.NDArray[Any]
_Model = Union[str, os.PathLike[str]]

def predict(model: _Model, inputs: Union[_Array, Mapping[str, _Array]], batch_size: int = 64, concurrency: Optional[int] = None) -> Union[_Array, list[_Array]]: ...
def gate(
    reference: _Model,
    candidate: _Model,
    data: _Model,
    max_drop: float = 3.0,
    metric: str = "auto",
    batch_size: int = 64,
    concurrency: Optional[int] = None,
) -> dict[str, Any]: ...
