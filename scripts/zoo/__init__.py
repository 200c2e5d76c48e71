"""What featx's Python scripts share: finding models, their preprocessing, TorchScript, PyTorch's hooks."""


class Failure(Exception):
    """Something to tell the user: lower case, the name quoted, expected, found, cure."""
