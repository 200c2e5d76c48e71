"""The power cut at every call of a kind of write, and what the next run makes of what is left."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from faults.bench import Fault, require

from .kinds import left_over, without_checksum

#: How a state that a cut left is called, from the worst.
WRONG, NOTICED, NOTHING, TAKEN, RIGHT = "wrong", "noticed and done again", "nothing there yet", "taken over", "right as it is"
SOON = 0.001


@dataclass
class Tally:
    """What came of all cuts of a kind."""

    calls: int = 0
    cuts: int = 0
    states: int = 0
    outcomes: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)
    seen: set = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, state):
        with self.lock:
            new = state not in self.seen
            self.seen.add(state)
            return new

    def add(self, outcome, where, why=""):
        with self.lock:
            self.states += 1
            self.outcomes[outcome] += 1
            if outcome == WRONG:
                self.wrong.append(f"{where}: {why}")


class Cutter:
    """Cuts one kind of write on one disk."""

    def __init__(self, bench, disk, kind, seeds):
        self.bench, self.disk, self.kind, self.seeds = bench, disk, kind, seeds
        disk.hold(kind.name.replace(" ", "_"), kind.base)

    def begin(self):
        self.disk.say("load", self.kind.name.replace(" ", "_"))

    def undisturbed(self):
        """How many calls there are, and what has to come of them."""
        self.begin()
        for command in self.kind.commands:
            self.ensure_ended(command, *self.bench.run(self.disk.path, command))
        self.ensure_tidy()
        return self.disk.calls()[0], self.kind.made(self.disk.path)

    def ensure_ended(self, command, code, said):
        # --verify says by its code that it found damage.
        fine = (0, 1) if "--verify" in command else (0,)
        require(code in fine, f"featx {command[0]}: exit {code}: {said.strip()}")

    def cut(self, number, expected, tally):
        """Has the power go during call `number`, or after the end where it is 0, and tries what that may leave."""
        self.begin()
        self.disk.say("cut", number)
        has_ended = self.run_until_cut()
        self.disk.say("keep")
        lost = self.disk.say("unreachable")
        if lost:
            tally.add(WRONG, f"call {number}", f"synced, and yet lost with the folder above: {lost}")
        states = ["nothing", "everything", *(number * 1000 + seed for seed in range(self.seeds))]
        for reached in states:
            if tally.is_new(self.disk.say("crash", reached)) or has_ended:
                where = f"{self.kind.name}, call {number}, what reached the disk: {reached}"
                self.look(where, expected, tally, has_ended)

    def run_until_cut(self):
        for command in self.kind.commands:
            process = self.bench.start(self.disk.path, command)
            while process.poll() is None and not self.disk.calls()[1]:
                time.sleep(SOON)
            if self.disk.calls()[1]:
                process.kill()
                process.communicate()
                return False
            self.ensure_ended(command, process.returncode, process.communicate()[1])
        return True

    def look(self, where, expected, tally, has_ended):
        """What a reader sees now, and what the same commands make of it."""
        try:
            left = self.kind.made(self.disk.path)
            if has_ended:
                require(left == expected, f"the command had ended, and yet: {difference(left, expected)}")
            self.ensure_reader_is_not_deceived()
            self.ensure_of_one_write(left, expected)
            said = self.again()
            made = self.kind.made(self.disk.path)
            require(made == expected, f"the same command again: {difference(made, expected)}")
            self.ensure_tidy()
            tally.add(outcome(left, expected, self.kind.base_made, said), where)
        except (Fault, OSError, ValueError) as fault:
            tally.add(WRONG, where, fault)

    def ensure_reader_is_not_deceived(self):
        """`merge` of what is left gives the right rows, or refuses."""
        folder = self.kind.joined
        if not (self.disk.path / folder).exists():
            return
        target = self.bench.where / f"{self.disk.path.name}.npy"
        target.unlink(missing_ok=True)
        code, _ = self.bench.run(self.disk.path, ["merge", folder, "--quiet", "--out", target])
        is_right = code != 0 or target.read_bytes() in [path.read_bytes() for path in self.kind.whole]
        require(is_right, "merge takes what is left for whole, and it is not")

    def ensure_of_one_write(self, left, expected):
        """Names beside an array are its own."""
        for names in self.kind.together:
            found, before, after = ([made.get(name) for name in names] for made in (left, self.kind.base_made, expected))
            require(None in found or found in (before, after), f"{', '.join(names)}: not of one write")

    def again(self):
        """The same commands; the last with --overwrite, where what is there asks for that."""
        all_said = ""
        for command in self.kind.commands:
            code, said = self.bench.run(self.disk.path, command)
            if code != 0 and "pass --overwrite" in said and self.kind.overwrite:
                code, said = self.bench.run(self.disk.path, self.kind.overwrite)
            self.ensure_ended(command, code, said)
            all_said += said
        return all_said

    def ensure_tidy(self):
        left = left_over(self.disk.path)
        require(not left, f"left behind: {left}")
        for run in self.kind.runs:
            bare = without_checksum(self.disk.path, run)
            require(not bare, f"files without their checksum: {bare}")
            code, said = self.bench.run(self.disk.path, ["inspect", run])
            require(code == 0, f"featx inspect: exit {code}: {said.strip()}")


def outcome(left, expected, began_with, said):
    """What was left, in the words of the table."""
    if left == expected:
        return RIGHT
    changed = [name for name, value in left.items() if value not in (expected.get(name), began_with.get(name))]
    if changed or "renamed to" in said or "was missing or changed" in said:
        return NOTICED
    return TAKEN if left else NOTHING


def difference(found, expected):
    """In a few words."""
    missing = sorted(set(expected) - set(found))
    more = sorted(set(found) - set(expected))
    other = sorted(name for name in set(found) & set(expected) if found[name] != expected[name])
    short = lambda names: f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''}"
    words = [f"{what}: {short(names)}" for what, names in (("missing", missing), ("more", more), ("other", other)) if names]
    return "; ".join(words)
