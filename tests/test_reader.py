"""The reader for Python, of runs in parts, merged, interrupted, and being written."""

import sys
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts/python"))
import featx  # noqa: E402

TOML = """featx = "0.1.0"
images = 10
[[layers]]
name = "features.30"
shape = [3, 2]
dtype = "<f4"
[[layers]]
name = "fc"
shape = [4]
dtype = "<f2"
"""


class ReaderTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name)
        (self.path / "run.toml").write_text(TOML)
        (self.path / "file_names.txt").write_bytes(b"".join(b"\xff%d.jpg\n" % i for i in range(10)))
        random = np.random.default_rng(0)
        self.arrays = {
            "features.30": random.standard_normal((10, 3, 2)).astype("<f4"),
            "fc": random.standard_normal((10, 4)).astype("<f2"),
        }
        for layer in self.arrays:
            (self.path / layer).mkdir()
            for start, end in [(0, 4), (4, 5), (5, 10)]:
                self.part(layer, start, end)

    def part(self, layer, start, end):
        np.save(self.path / layer / f"features_{start:010}-{end:010}.npy", self.arrays[layer][start:end])

    def remove(self, layer, start, end):
        (self.path / layer / f"features_{start:010}-{end:010}.npy").unlink()

    def same(self, rows, array):
        keys = [
            0, -1, slice(None), slice(3, 7), slice(None, None, -3), slice(8, 2), [7, 3, 3, -1], [], np.arange(10) > 5,
            (slice(2, 6), 0), ([1, 9], slice(None), 1) if array.ndim > 2 else ([1, 9], 1), (4, 1), Ellipsis, (..., 1),
        ]
        for key in keys:
            np.testing.assert_array_equal(rows[key], array[key], err_msg=str(key), strict=True)
        np.testing.assert_array_equal(np.asarray(rows), array, strict=True)
        np.testing.assert_array_equal(np.asarray(rows, "f8"), array.astype("f8"), strict=True)
        np.testing.assert_array_equal(np.stack(list(rows)), array, strict=True)
        blocks = list(rows.blocks(3))
        self.assertEqual([start for start, _ in blocks], [0, 3, 6, 9])
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), array, strict=True)
        self.assertEqual((rows.shape, rows.dtype, len(rows)), (array.shape, array.dtype, len(array)))
        self.assertEqual((rows.ndim, rows.size, rows.nbytes), (array.ndim, array.size, array.nbytes))

    def test_parts_and_merged_files_read_as_the_array(self):
        run = featx.open(self.path)
        self.assertEqual(run.layers, ["features.30", "fc"])
        for layer, array in self.arrays.items():
            self.same(run[layer], array)
        self.assertEqual(run.missing, {})
        np.save(self.path / "fc/features.npy", self.arrays["fc"])
        for part in [(0, 4), (4, 5), (5, 10)]:
            self.remove("fc", *part)
        self.same(run["fc"], self.arrays["fc"])  # opened before the merge
        self.same(featx.open(self.path)["fc"], self.arrays["fc"])

    def test_a_run_that_is_being_written(self):
        self.remove("fc", 4, 5)
        (self.path / "fc/features_0000000004.partial").write_bytes(b"half a part")
        run = featx.open(self.path)
        self.assertEqual(run.missing, {"fc": [(4, 5)]})
        np.testing.assert_array_equal(run["fc"][[0, 9]], self.arrays["fc"][[0, 9]])
        with self.assertRaisesRegex(IndexError, "lacks row 4"):
            run["fc"][3:6]
        self.part("fc", 4, 5)
        self.same(featx.open(self.path)["fc"], self.arrays["fc"])

    def test_an_interrupted_merge_that_removes_parts(self):
        np.save(self.path / "fc/features.npy", self.arrays["fc"][:5])
        (self.path / "fc/features.npy").rename(self.path / "fc/features.npy.merging")
        with (self.path / "fc/features.npy.merging").open("ab") as file:
            file.write(b"rows that the header does not count yet")
        self.remove("fc", 0, 4)
        self.remove("fc", 4, 5)
        self.same(featx.open(self.path)["fc"], self.arrays["fc"])

    def test_what_stands_beside_the_rows(self):
        run = featx.open(self.path)
        self.assertEqual(len(run), 10)
        self.assertEqual(run.file_names[3].encode(errors="surrogateescape"), b"\xff3.jpg")
        odd = rb"""a.jpg
"b\r\351\"\\.jpg"
"c"d"
""" + b'"\n'
        (self.path / "file_names.txt").write_bytes(odd)
        names = [os.fsencode(name) for name in run.file_names]
        self.assertEqual(names, [b"a.jpg", b'b\r\xe9"\\.jpg', b'c"d', b'"'])
        self.assertEqual(run.errors, {})
        self.assertEqual(len(run.memory), 0)
        (self.path / "errors_0001.csv").write_text('row,path,reason\n7,"a,b.jpg",truncated\n')
        (self.path / "memory.csv").write_text("seconds,images,rss_bytes\n0.5,2,1000\n1.5,4,2000\n2.")
        self.assertEqual(run.errors, {7: ("a,b.jpg", "truncated")})
        self.assertEqual(run.memory["rss_bytes"].tolist(), [1000, 2000])

    def test_what_is_not_there_is_said(self):
        run = featx.open(self.path)
        with self.assertRaisesRegex(KeyError, "layer 'fd' is not in .*it holds features.30, fc"):
            run["fd"]
        with self.assertRaisesRegex(FileNotFoundError, "is no run directory"):
            featx.open(self.path / "fc")
        for key in [10, -11, [1.5], [[1]], "a", np.ones(9, bool)]:
            with self.assertRaises(IndexError, msg=str(key)):
                run["fc"][key]
        self.assertRaises(ValueError, np.asarray, run["fc"], copy=False)


if __name__ == "__main__":
    unittest.main()
