//! What lies on disk: `.npy` files, parts, the run directory.
