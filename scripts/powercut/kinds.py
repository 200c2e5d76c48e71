"""The kinds of write that featx makes, each as commands, what they begin with, and what has to come of them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xxhash
from faults.bench import parts

from .bench import IMAGES, LAYERS, rows_of

EXPORTS = ("h5", "mat", "csv", "tsv", "parquet", "safetensors", "pt")


@dataclass
class Kind:
    """Commands in turn, on a copy of the folder `base`. Paths are relative to the disk."""

    name: str
    commands: list
    base: Path
    #: Files that have to come out with the same bytes.
    files: tuple = ()
    #: Run directories: the same rows and the same small files have to come out.
    runs: tuple = ()
    #: The last command, where what it made is there and it wants --overwrite.
    overwrite: list = field(default_factory=list)
    #: What `merge` may make of a folder right after the power cut: one of these files.
    joined: str = "out/fc"
    whole: tuple = ()
    #: Files that have to be of one write, where all of them are there.
    together: tuple = ()

    def __post_init__(self):
        self.base_made = self.made(self.base)

    def made(self, disk):
        """What has to be the same, by its name."""
        made = {name: (disk / name).read_bytes() for name in self.files if (disk / name).exists()}
        for folder in {Path(name).parts[0] for name in self.files if "/" in name} - set(self.runs):
            made[folder] = sorted(path.name for path in (disk / folder).glob("*")) if made else []
        for run in self.runs:
            for name in ("file_names.txt", "errors.csv"):
                if (disk / run / name).exists():
                    made[f"{run}/{name}"] = (disk / run / name).read_bytes()
            for layer in LAYERS:
                rows = rows_of(disk / run / layer)
                made |= {f"{run}/{layer} row {number}": row for number, row in rows.items()}
        return made


def kinds(bench):
    """All of them, in the order of a run's life."""
    base = lambda name: made_base(bench, bench.where / "bases" / name, name)
    extract = bench.extract()
    pixels = bench.extract(images="pixels.npy")
    shards = [bench.extract("--shard", f"{index}/2") for index in range(2)]
    run = ("out",)
    whole = lambda name: base(name) / "out/fc/features.npy"
    merged = tuple(f"out/{layer}/features.npy" for layer in LAYERS)
    found = [
        Kind("extract", [extract], base("empty"), runs=run),
        Kind("extract, images of an archive", [pixels], base("empty"), ("out/sources.npy",), run,
             whole=(whole("merged archive"),)),
        Kind("extract, resumed", [extract], base("half"), runs=run),
        Kind("extract, an image mended since", [bench.extract(images="mended")], base("lost part"), runs=run,
             whole=(whole("merged mended"),)),
        Kind("extract, two shards", shards, base("empty"), runs=run),
        Kind("extract --overwrite", [bench.extract("--overwrite")], base("other run"), runs=run,
             whole=(whole("merged"), whole("merged other run"))),
        Kind("merge", [["merge", "out", "--quiet"]], base("shards"), merged, run),
        Kind("merge --overwrite", [["merge", "out", "--quiet", "--overwrite"]], base("merged"), merged, run),
        Kind("merge --remove-parts", [["merge", "out", "--quiet", "--remove-parts"]], base("run"), merged, run),
        *splits(base),
        *(export(bench, base, ending) for ending in EXPORTS),
        Kind("inspect --report", [["inspect", "out", "--quiet", "--report", "page.html"]], base("run"), ("page.html",), run,
             ["inspect", "out", "--quiet", "--report", "page.html", "--overwrite"]),
        Kind("inspect --verify, and extract", [["inspect", "out", "--verify"], extract], base("flipped bit"), runs=run),
    ]
    for kind in found:
        kind.whole = kind.whole or (whole("merged"),)
    return found


def splits(base):
    tenth = tuple(f"all/features_{start:010}-{start + 3:010}.npy" for start in range(0, IMAGES, 3))
    folders = tuple(f"folders/{name}.{ending}" for name in ("a", "b") for ending in ("npy", "txt"))
    pairs = tuple(zip(folders[::2], folders[1::2], strict=True))
    split = ["split", "out/fc/features.npy", "--quiet"]
    parts_of = [*split, "--out", "all", "--rows", "3"]
    by_folder = [*split, "--out", "folders", "--by-folder"]
    again = [*parts_of, "--overwrite"]
    return [
        Kind("split", [parts_of], base("merged"), tenth, ("out",), again, "all"),
        Kind("split --overwrite", [again], base("split"), tenth, ("out",), [], "all",
             (base("split") / "out/fc/features.npy", base("split") / "other.npy")),
        Kind("split --by-folder", [by_folder], base("merged"), folders, ("out",), [*by_folder, "--overwrite"], together=pairs),
        Kind("split --by-folder --overwrite", [[*by_folder, "--overwrite"]], base("split by folder"), folders, ("out",),
             together=pairs),
    ]


def export(bench, base, ending):
    layers = ["--layer", "fc"] if ending in ("csv", "tsv") else []
    command = ["merge", "out", "--quiet", *layers, "--out", f"all.{ending}"]
    return Kind(f"merge --out all.{ending}", [command], base("run"), (f"all.{ending}",), ("out",), [*command, "--overwrite"])


def made_base(bench, folder, name):
    """What a kind begins with, made once."""
    if not folder.exists():
        folder.mkdir(parents=True)
        bench.run_all(folder, {
            "empty": [], "other run": [bench.extract(model="other.pt")],
            "merged other run": [bench.extract(model="other.pt")],
            "merged archive": [bench.extract(images="pixels.npy")],
            "merged mended": [bench.extract(images="mended")],
            "shards": [bench.extract("--shard", f"{index}/2") for index in range(2)],
        }.get(name, [bench.extract()]))
        harm = HARM.get(name)
        if harm:
            harm(bench, folder)
    return folder


def halve(_bench, folder):
    """A run whose second parts are missing, one of whose third parts is cut short; and what a killed process left."""
    for layer in LAYERS:
        found = parts(folder / "out" / layer)
        found[1][2].unlink()
        (folder / "out" / layer / "features_0000000004.partial").write_bytes(b"\x93NUMPY")
    path = found[2][2]
    path.write_bytes(path.read_bytes()[:-1])


def lose(_bench, folder):
    """A run without the parts that have the broken image's row."""
    for layer in LAYERS:
        parts(folder / "out" / layer)[0][2].unlink()


def flip(_bench, folder):
    path = parts(folder / "out/fc")[1][2]
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)


def merge(bench, folder):
    bench.run_all(folder, [["merge", "out", "--quiet"]])


def split(bench, folder):
    """Beside a merged run, parts of another array, cut in the same way."""
    merge(bench, folder)
    np.save(folder / "other.npy", np.load(folder / "out/fc/features.npy") + 1)
    bench.run_all(folder, [["split", "other.npy", "--quiet", "--out", "all", "--rows", "3"]])


def split_by_folder(bench, folder):
    """Beside a merged run, the same rows in another order, cut by the same folders."""
    merge(bench, folder)
    other = folder / "other"
    other.mkdir()
    np.save(other / "features.npy", np.load(folder / "out/fc/features.npy")[::-1])
    names = (folder / "out/file_names.txt").read_text().splitlines(keepends=True)
    (other / "file_names.txt").write_text("".join(reversed(names)))
    bench.run_all(folder, [["split", "other/features.npy", "--quiet", "--out", "folders", "--by-folder"]])


HARM = {"half": halve, "lost part": lose, "flipped bit": flip, "split": split, "split by folder": split_by_folder,
        **dict.fromkeys(("merged", "merged other run", "merged archive", "merged mended"), merge)}


def without_checksum(disk, run):
    """Files of rows that have no line in the run's checksums, or another."""
    lines = {}
    for path in (disk / run).glob("checksums*.txt"):
        for line in path.read_bytes().split(b"\n"):
            digits, _, name = line.partition(b"  ")
            lines.setdefault(name.decode(errors="replace"), []).append(digits.decode(errors="replace"))
    files = [path for layer in LAYERS for path in (disk / run / layer).glob("features*.npy")]
    names = {path: f"{path.parent.name}/{path.name}" for path in files}
    return [name for path, name in names.items() if xxhash.xxh128_hexdigest(path.read_bytes()) not in lines.get(name, [])]


def left_over(disk):
    """Files that are nobody's after a command that ended well."""
    names = [path for path in disk.rglob("*") if path.is_file()]
    return [str(path.relative_to(disk)) for path in names if ".partial" in path.name or ".lock" in path.name
            or path.name.endswith((".merging", ".discarded"))]
