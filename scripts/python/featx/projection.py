"""The matrix that `featx extract --project` multiplies rows by. Needs SciPy."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np


def projection_matrix(layer: str, D: int, N: int, seed: int = 0) -> Any:  # noqa: N803
    """R, N × D, in SciPy's CSR form: a row of D numbers x became `R @ x`, and rows X became `X @ R.T`.

    `featx inspect DIR --json` has the arguments: `layers[i]["projection"]`, less its `recipe`, which is 1 here.
    """
    from scipy.sparse import csr_array  # the rest of the reader does without it

    width = math.isqrt(D - 1) + 1
    strata = -(-D // width)
    text = f"featx projection 1\n{layer}\n{D}\n{N}\n{seed}\n"
    key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], "<u8")
    numbers = np.random.Philox(key=key).random_raw(N * strata).reshape(N, strata)
    columns = np.arange(strata) * width + ((numbers >> 1) % width).astype(np.int64)
    values = np.float32(math.sqrt(width / N)) * np.where(numbers & 1, np.float32(-1), np.float32(1))
    inside = columns < D
    ends = np.concatenate([[0], inside.sum(1).cumsum()])
    return csr_array((values[inside], columns[inside], ends), shape=(N, D))
