"""The rows of one layer, wherever they are sealed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

#: Row ranges, as (start, end).
Ranges = list[tuple[int, int]]

_PART = re.compile(r"features_(\d+)-(\d+)\.npy")
_BLOCK = 32 << 20


class Rows:
    """Like an array of shape (rows, …) that is on disk. What is asked for is read; nothing is kept."""

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.folder, self.shape, self.dtype = folder, shape, dtype
        self._files: list[tuple[int, int, Path]] = _files(folder, shape[0])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<featx rows '{self.folder}' {self.shape} {self.dtype}>"

    @property
    def missing(self) -> Ranges:
        """Rows that were in no sealed file when the run was opened."""
        missing, done = [], 0
        for start, end, _ in [*self._files, (len(self), len(self), self.folder)]:
            if start > done:
                missing.append((done, start))
            done = max(done, end)
        return missing

    def __getitem__(self, key: Any) -> np.ndarray:
        """Rows by number, slice, list or mask, and what of them, as NumPy indexes: `rows[3:9, 0]`."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis or first is None:
            whole: np.ndarray = np.asarray(self)[key]
            return whole
        wanted = self._numbers(first)
        rows = self._take(np.atleast_1d(wanted))
        which = 0 if wanted.ndim == 0 else slice(None)
        asked: np.ndarray = rows[(which, *rest)]
        return asked

    def _numbers(self, rows: Any) -> np.ndarray:
        """Row numbers, not negative; of no dimension where one row is meant."""
        if isinstance(rows, slice):
            return np.arange(len(self))[rows]
        wanted = np.asarray(rows)
        if wanted.dtype == bool and wanted.shape == (len(self),):
            return np.flatnonzero(wanted)
        if wanted.size == 0:
            return np.zeros(0, np.int64)
        whole = wanted.ndim <= 1 and np.issubdtype(wanted.dtype, np.integer)
        if not whole or (wanted < -len(self)).any() or (wanted >= len(self)).any():
            raise IndexError(f"expected rows below {len(self)}, a slice of them or a mask, found {rows!r}")
        return np.where(wanted < 0, wanted + len(self), wanted).astype(np.int64)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the rows are on disk: an array of them is always a copy")
        rows = self[0 : len(self)]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[np.ndarray]:
        for _, block in self.blocks():
            yield from block

    def blocks(self, rows: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Goes through all rows, so many at a time (default: some 32 MB), giving the first row's number with each."""
        row_bytes = max(1, self.nbytes // max(1, len(self)))
        at_once = rows or max(1, _BLOCK // row_bytes)
        for start in range(0, len(self), at_once):
            yield start, self[start : start + at_once]

    def _take(self, wanted: np.ndarray) -> np.ndarray:
        try:
            return self._gather(wanted)
        except FileNotFoundError:  # merged, and its parts removed, since the run was opened
            self._files = _files(self.folder, len(self))
            return self._gather(wanted)

    def _gather(self, wanted: np.ndarray) -> np.ndarray:
        taken = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        done = np.zeros(len(wanted), bool)
        for start, end, path in self._files:
            here = (wanted >= start) & (wanted < end) & ~done
            if here.any():
                taken[here] = self._map(path, end - start)[wanted[here] - start]
                done |= here
        if not done.all():
            raise IndexError(f"'{self.folder}' lacks row {wanted[~done][0]}: it was not computed when the run was opened")
        return taken

    def _map(self, path: Path, rows: int) -> np.ndarray:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        if found.shape != (rows, *self.shape[1:]) or found.dtype != self.dtype:
            raise ValueError(
                f"'{path}' has shape {found.shape} and dtype {found.dtype}, "
                f"expected {(rows, *self.shape[1:])} and {self.dtype}"
            )
        return found


def _files(folder: Path, rows: int) -> list[tuple[int, int, Path]]:
    """The sealed files of a folder, as (first row, end, path), in row order."""
    if (folder / "features.npy").exists():
        return [(0, rows, folder / "features.npy")]
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    parts = [(int(m[1]), int(m[2]), folder / m[0]) for name in names if (m := _PART.fullmatch(name))]
    merging = folder / "features.npy.merging"  # of an interrupted `merge --remove-parts`: its header counts safe rows
    if merging.exists() and merging.stat().st_size > 0:
        parts.append((0, np.load(merging, mmap_mode="r").shape[0], merging))
    return sorted(parts)
