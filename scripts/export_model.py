#!/usr/bin/env python3
"""Export models for featx: `featx-export` of a clone. See --help."""

from zoo.venv import find_featx, use_project_python


def main(arguments=None):
    use_project_python()
    from featx.export import command
    return command.main(arguments, "scripts/export_model.py", find_featx())


if __name__ == "__main__":
    use_project_python()
    from featx.export import command
    command.started("scripts/export_model.py", find_featx())
