"""The parts of check_powercut.py and check_mount.py."""
