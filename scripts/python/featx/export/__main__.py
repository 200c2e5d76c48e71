"""python -m featx.export"""

from .command import started

started("python -m featx.export")
