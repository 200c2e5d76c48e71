"""The parts of check_faults.py."""
