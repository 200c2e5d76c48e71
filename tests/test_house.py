"""The rules of CONTRIBUTING.md that can be counted: files use each other one way, and no file is too long.

What a file uses is read from its `use` lines and from paths that begin with `crate::` or `super::`, unit tests left out.
A file that only hands on names of its children (`pub use`) does not use them.
"""

import re
import unittest
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"
LONGEST_FILE = 400


def module_of(file):
    parts = file.relative_to(SRC).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def paths_of(tree):
    """The single paths of a `use` tree: `a::{b, c::d as e}` is `a::b` and `a::c::d`, as tuples."""
    tree = tree.strip()
    if "{" not in tree:
        return [tuple(re.sub(r"\s+as\s+\w+$", "", tree).split("::"))]
    head, inner = tree.split("{", 1)
    branches, depth = [""], 0
    for character in inner.rsplit("}", 1)[0]:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            branches.append("")
        else:
            branches[-1] += character
    return [path for branch in branches if branch.strip() for path in paths_of(head + branch.strip())]


class Module:
    """What one file names."""

    def __init__(self, name, text):
        self.name = name
        text = re.sub(r"//[^\n]*", "", re.split(r"#\[cfg\((?:all\()?test", text)[0])
        self.uses = [self.absolute(path) for tree in re.findall(r"^\s*use ([^;]+);", text, re.M) for path in paths_of(tree)]
        self.hands_on = {path[-1]: self.absolute(path)
                         for tree in re.findall(r"^\s*pub(?:\([^)]*\))? use ([^;]+);", text, re.M) for path in paths_of(tree)}
        code = re.sub(r"\buse [^;]+;", "", text)
        self.uses += [self.absolute(tuple(path.split("::"))) for path in re.findall(r"\b((?:crate|super)(?:::\w+)+)", code)]
        self.uses += [self.name + (child, "") for child in re.findall(r"\bmod (\w+);", text) if re.search(rf"(?<![\w:]){child}::", code)]

    def absolute(self, path):
        base = self.name
        if path[0] in ("crate", "featx"):
            return path[1:]
        while path[0] == "super":
            base, path = base[:-1], path[1:]
        return base + (path[1:] if path[0] == "self" else path)


class House:
    def __init__(self):
        self.modules = {module_of(file): Module(module_of(file), file.read_text()) for file in SRC.rglob("*.rs")}

    def home(self, path, steps=8):
        """The module that has the item of this path, through names that are handed on."""
        for end in range(len(path), -1, -1):
            module = self.modules.get(path[:end])
            if module is not None:
                target = module.hands_on.get(path[end]) if end < len(path) and steps else None
                return self.home(target + path[end + 1:], steps - 1) if target else module.name
        return None

    def arrows(self):
        return {name: {home for path in module.uses if (home := self.home(path)) not in (None, name, ())}
                for name, module in self.modules.items()}


def room_of(name):
    """A folder of src; of src/model, a folder of that, or a file."""
    return name[:2] if name[0] == "model" else name[:1]


def circles(arrows):
    """Nodes that reach themselves, each with those that it goes round with."""
    reach = {node: set(targets) for node, targets in arrows.items()}
    for middle in arrows:
        for node in arrows:
            if middle in reach[node]:
                reach[node] |= reach[middle]
    return {frozenset(other for other in reach[node] if node in reach[other]) for node in reach if node in reach[node]}


def in_words(found):
    return sorted(", ".join(sorted("/".join(node) for node in circle)) for circle in found)


def inclusions():
    """Which C and C++ files include which; a header and what it declares count as one."""
    files = [file for ending in ("c", "cpp", "h") for file in SRC.rglob(f"*.{ending}")]
    by_path = {file.as_posix().removesuffix(file.suffix): set() for file in files}
    for file in files:
        own = file.as_posix().removesuffix(file.suffix)
        for header in re.findall(r'^#include "([^"]+)\.h"', file.read_text(), re.M):
            by_path[own] |= {path for path in by_path if path.endswith(f"/{header}")} - {own}
    return {(path.removeprefix(f"{SRC.as_posix()}/"),): {(target.removeprefix(f"{SRC.as_posix()}/"),) for target in targets}
            for path, targets in by_path.items()}


class TheHouse(unittest.TestCase):
    maxDiff = None

    def test_files_use_each_other_one_way(self):
        self.assertEqual(in_words(circles(House().arrows())), [])

    def test_rooms_use_each_other_one_way(self):
        rooms = {}
        for name, targets in House().arrows().items():
            if name:
                rooms.setdefault(room_of(name), set()).update({room_of(target) for target in targets} - {room_of(name)})
        self.assertEqual(in_words(circles(rooms)), [])

    def test_c_files_include_each_other_one_way(self):
        arrows = inclusions()
        self.assertGreater(sum(map(len, arrows.values())), 20)
        self.assertEqual(in_words(circles(arrows)), [])
        rooms = {}
        for (path,), targets in arrows.items():
            room = path.rsplit("/", 1)[0]
            rooms.setdefault((room,), set()).update({(target.rsplit("/", 1)[0],) for (target,) in targets} - {(room,)})
        self.assertEqual(in_words(circles(rooms)), [])

    def test_no_file_is_too_long(self):
        lines = {file: len(file.read_text().splitlines()) for ending in ("rs", "c", "cpp", "h") for file in SRC.rglob(f"*.{ending}")}
        self.assertGreater(len(lines), 300)
        self.assertEqual([str(file.relative_to(SRC)) for file in lines if lines[file] > LONGEST_FILE], [])

    def test_a_circle_is_seen(self):
        arrows = {("a",): {("b",)}, ("b",): {("c",)}, ("c",): {("b",)}}
        self.assertEqual(in_words(circles(arrows)), ["b, c"])
        self.assertEqual(paths_of("a::{b, c::{d as e, f}}"), [("a", "b"), ("a", "c", "d"), ("a", "c", "f")])
