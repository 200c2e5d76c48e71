//! Images: list and order, decode, resize as Pillow does, preprocess. Knows nothing of the model.
