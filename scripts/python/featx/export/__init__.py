"""Models as featx takes them: made from PyTorch, with their preprocessing, and proved. Commands: featx-export, and
python -m featx.export. Needs torch, torchvision and Pillow."""

import re

TERMINAL_CODE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|.)")


class Failure(Exception):
    """Something to tell the user: lower case, the name quoted, expected, found, cure. One line."""

    def __str__(self):
        return one_line(super().__str__())


def one_line(text):
    """Without line breaks, and without what colours a terminal."""
    return " ".join(TERMINAL_CODE.sub("", text).split())


def shortened(text, most=300):
    """One line that is still read."""
    text = one_line(text)
    return text if len(text) <= most else f"{text[:most]} ..."
