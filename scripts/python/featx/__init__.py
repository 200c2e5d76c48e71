"""Reads what the program featx wrote, without merging it and without loading it. Needs NumPy alone.

>>> run = featx.open("out/")
>>> run.layers
['features.30', 'fc']
>>> rows = run["features.30"]           # shape (50000, 512, 7, 7); nothing is read yet
>>> rows[100:200], rows[[7, 3]], np.asarray(rows)
>>> for start, block in rows.blocks():  # some 32 MB of rows at a time
...     ...

A run may be read while it is being written: rows that are not there yet read as an error that names them, and
`run.missing` says which they are. Open the run again to see what has been sealed since.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ._toml import tomllib
from .projection import projection_matrix
from .rows import Ranges, Rows

__all__ = ["Run", "Rows", "open", "projection_matrix"]


class Run:
    """A run directory: what `featx extract --out` made, in parts or merged."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = Path(directory)
        file = self.path / "run.toml"
        if not file.is_file():
            raise FileNotFoundError(f"'{self.path}' is no run directory: expected '{file}'")
        #: What was run, as `run.toml` has it.
        self.facts: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
        self._rows: dict[str, Rows] = {}

    @property
    def layers(self) -> list[str]:
        """The names of the layers."""
        return [layer["name"] for layer in self.facts["layers"]]

    def __getitem__(self, layer: str) -> Rows:
        """The rows of a layer."""
        if layer not in self._rows:
            form = next((form for form in self.facts["layers"] if form["name"] == layer), None)
            if form is None:
                raise KeyError(f"layer '{layer}' is not in '{self.path}'; it holds {', '.join(self.layers)}")
            shape = (self.facts["images"], *form["shape"])
            self._rows[layer] = Rows(self.path / layer, shape, np.dtype(form["dtype"]))
        return self._rows[layer]

    def __len__(self) -> int:
        """The number of rows of each layer, done or not."""
        return int(self.facts["images"])

    @property
    def file_names(self) -> list[str]:
        """The image of each row. A name that is not UTF-8 is as Python has such paths (`os.fsencode` gives its bytes)."""
        names = (self.path / "file_names.txt").read_bytes()
        return [os.fsdecode(_unquoted(name)) for name in names.removesuffix(b"\n").split(b"\n")] if names else []

    @property
    def errors(self) -> dict[int, tuple[str, str]]:
        """Of each row that could not be computed, and is NaN: its image and the reason."""
        found = {}
        for path in [*self.path.glob("errors.csv"), *self.path.glob("errors_*.csv")]:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                for row in csv.DictReader(file):
                    found[int(row["row"])] = (row["path"], row["reason"])
        return dict(sorted(found.items()))

    @property
    def memory(self) -> np.ndarray:
        """`memory.csv` as a structured array: `run.memory["rss_bytes"]`; `pandas.DataFrame(run.memory)` takes it too.
        Shards follow each other."""
        tables = []
        for path in [*self.path.glob("memory.csv"), *sorted(self.path.glob("memory_*.csv"))]:
            lines = [line for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
            if len(lines) > 1:
                tables.append(np.atleast_1d(np.genfromtxt(lines, delimiter=",", names=True, dtype=None)))
        return np.concatenate(tables) if tables else np.zeros(0)

    @property
    def missing(self) -> dict[str, Ranges]:
        """The rows, as (start, end), that a layer lacks; without those that lack none."""
        missing = {layer: self[layer].missing for layer in self.layers}
        return {layer: ranges for layer, ranges in missing.items() if ranges}


def _unquoted(line: bytes) -> bytes:
    """The name that a line of `file_names.txt` stands for: odd ones are quoted as git shows them."""
    if len(line) < 2 or not (line.startswith(b'"') and line.endswith(b'"')):
        return line
    escapes = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"\\": b"\\"}
    return re.sub(
        rb"\\([nrt\"\\]|[0-3][0-7]{2})",
        lambda found: escapes.get(found[1]) or bytes([int(found[1], 8)]),
        line[1:-1],
    )


def open(directory: str | os.PathLike[str]) -> Run:  # noqa: A001
    """Opens a run directory."""
    return Run(directory)
