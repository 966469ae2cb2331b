# SPDX-License-Identifier: Apache-2.0
import os
from typing import Any, Optional, Union

class Analyzer:
    @staticmethod
    def analyze(
        model_path: Optional[Union[str, os.PathLike[str]]] = None,
        model_content: Optional[bytes] = None,
        gpu_compatibility: bool = False,
        **kwargs: Any,
    ) -> None: ...
