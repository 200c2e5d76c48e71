"""What featx's Python scripts share: the project's Python, the program, models to check with."""

import sys
from pathlib import Path

# What is installed with featx: its reader, and featx.export.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
