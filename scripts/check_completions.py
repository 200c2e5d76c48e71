#!/usr/bin/env python3
"""Do bash, zsh and fish complete featx as a user types it? Each shell runs in a terminal, with what `featx completions`
prints for it where that shell looks. What is typed ends in TABs; what then stands on the screen is compared with what is
expected. Root gets the shells that are missing; where one cannot be had, it is left out with a line.

usage: scripts/check_completions.py [--featx PROGRAM]
"""

import argparse
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from zoo.venv import ROOT, debian_program, find_featx, use_project_python

PROMPT = "READY> "
# What is typed before TAB, and what has to be on the screen then.
LINES = [
    ("featx ext", ["featx extract"]),
    ("featx extract --model sm", ["featx extract --model small"]),
    ("featx extract --model vgg1", ["vgg11", "vgg13", "vgg16", "vgg19"]),
    ("featx extract --model small --layer ", ["body", "body.0", "body.1", "head"]),
    ("featx extract --model=small --layer he", ["--layer head"]),
    ("featx extract --model small --layer body.0,he", ["--layer body.0,head"]),
    ("featx extract --model small --precision ", ["f32", "bf16", "f16"]),
    ("featx extract --config j", ["featx extract --config job.toml"]),
    ("featx merge out/ --layer ", ["body.0", "head"]),
    ("featx merge out/ --out rows.pa", ["rows.parquet"]),
    ("featx split ar", ["featx split array.npy"]),
    ("featx inspect sm", ["featx inspect small"]),
]
MODEL = """
import torch
from collections import OrderedDict
from torch import nn
body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
model = nn.Sequential(OrderedDict(body=body, head=nn.AdaptiveAvgPool2d(1))).eval()
torch.jit.script(model).save("models/small.pt")
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="default: the one that is built")
    args = parser.parse_args()
    use_project_python()
    featx = Path(args.featx or find_featx() or sys.exit("error: featx is not built (cargo build)")).resolve()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="featx-tab-") as folder:
        make_folder(Path(folder), featx)
        for name, start in SHELLS.items():
            if debian_program(name, name):
                failed += check(name, start, Path(folder), featx)
    return 1 if failed else 0


def make_folder(folder, featx):
    """What the lines speak of: a model, a run, a configuration, an array."""
    (folder / "models").mkdir()
    subprocess.run([sys.executable, "-W", "ignore", "-c", MODEL], cwd=folder, check=True)
    (folder / "job.toml").write_text("")
    (folder / "just.txt").write_text("")
    (folder / "array.npy").write_bytes(b"")
    (folder / "argument.txt").write_text("")
    extract = [featx, "extract", "--model", "small", "--layer", "body.0,head", "--out", "out", ROOT / "tests/photos", "--quiet"]
    subprocess.run(extract, cwd=folder, check=True)


def check(name, start, folder, featx):
    script = subprocess.run([featx, "completions", name], check=True, capture_output=True, text=True).stdout
    home = folder / f"home-{name}"
    home.mkdir()
    failed = 0
    for typed, expected in LINES:
        began = time.perf_counter()
        screen = on_screen(start(home, script), folder, home, featx, typed, expected)
        missing = [text for text in expected if text not in screen]
        failed += bool(missing)
        what = f"MISSING {', '.join(missing)}; the screen:\n{screen}" if missing else "ok"
        print(f"{name}: {typed!r}: {what}, {time.perf_counter() - began:.1f} s", flush=True)
    return failed


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def bash(home, script):
    place = home / "share/bash-completion/completions/featx"
    put(place, script)
    (home / "rc").write_text(f"PS1='{PROMPT}'\nsource {place}\nbind 'set show-all-if-ambiguous on'\n"
                             "bind 'set bell-style none'\nbind 'set page-completions off'\n")
    return ["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"]


def zsh(home, script):
    put(home / "site-functions/_featx", script)
    (home / ".zshrc").write_text(f"PS1='{PROMPT}'\nunsetopt zle_bracketed_paste list_beep\nfpath=({home}/site-functions $fpath)\n"
                                 "autoload -Uz compinit && compinit -u\n")
    return ["zsh", "-i"]


def fish(home, script):
    put(home / ".config/fish/completions/featx.fish", script)
    (home / ".config/fish/config.fish").write_text(f"function fish_prompt; printf '{PROMPT}'; end\nset -g fish_greeting\n"
                                                   "set -g fish_autosuggestion_enabled 0\n")
    return ["fish", "-i"]


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


def on_screen(command, folder, home, featx, typed, expected):
    """The terminal's text, without control sequences, after `typed` and TAB."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm", "PATH": f"{featx.parent}:{os.environ['PATH']}",
                       "COLUMNS": "120", "LINES": "50", "LANG": "C.UTF-8"}
        os.execvpe(command[0], command, environment)
    try:
        read_until(terminal, [PROMPT.strip()], 20)
        os.write(terminal, typed.encode() + b"\t")
        screen = read_until(terminal, expected, 10)
        if any(text not in screen for text in expected):
            os.write(terminal, b"\t")
            screen += read_until(terminal, expected, 10)
        return screen
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def read_until(terminal, wanted, seconds):
    """What comes, until it holds all that is wanted or nothing came for long."""
    text, end = "", time.monotonic() + seconds
    while time.monotonic() < end and any(part not in text for part in wanted):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the shell has ended
                break
            text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07]*\x07", "", text)
    return text


if __name__ == "__main__":
    sys.exit(main())
