"""Keras' applications: `keras/VGG16`, without their classifier, run by PyTorch.

Layers are named as Keras names them (`block5_pool`), and their activations lie as Keras has them: height, width, channels.
Images are prepared as `keras.utils.load_img(path, target_size=…)` and the application's `preprocess_input` do it.
"""

import os

import torch
from torch import nn

from .. import Failure
from .installed import require
from .source import SEED, Source, Wanted, fetched, finished, nearest

MODULE, REQUIREMENT = "keras", "keras==3.15.1"
# Pixels that an application is made for, where it is not 224.
SIDES = {"InceptionV3": 299, "InceptionResNetV2": 299, "Xception": 299, "NASNetLarge": 331, "EfficientNetB1": 240,
         "EfficientNetB2": 260, "EfficientNetB3": 300, "EfficientNetB4": 380, "EfficientNetB5": 456, "EfficientNetB6": 528,
         "EfficientNetB7": 600, "EfficientNetV2B1": 240, "EfficientNetV2B2": 260, "EfficientNetV2B3": 300,
         "EfficientNetV2S": 384, "EfficientNetV2M": 480, "EfficientNetV2L": 480}
# `preprocess_input` by the file that an application is in; those of the others change nothing.
CAFFE = {"channels": "bgr", "scale": 1.0, "mean": (103.939, 116.779, 123.68), "std": (1.0,) * 3}
TF = {"scale": 1 / 127.5, "mean": (1.0,) * 3, "std": (1.0,) * 3}
AS_IT_IS = {"scale": 1.0, "mean": (0.0,) * 3, "std": (1.0,) * 3}
MODES = {"vgg16": CAFFE, "vgg19": CAFFE, "resnet": CAFFE, "densenet": {}, "resnet_v2": TF, "mobilenet": TF, "mobilenet_v2": TF,
         "inception_v3": TF, "inception_resnet_v2": TF, "xception": TF, "nasnet": TF}


class Layer(nn.Module):
    """One of Keras' layers, called as PyTorch calls modules: hooks see it. Its weights are Keras' own."""

    one_tensor = True  # what Keras computes for a layer may serve the next one too

    def __init__(self, layer):
        super().__init__()
        self.layer = [layer]  # not as a module of this one
        for number, variable in enumerate(layer.variables):
            self.register_parameter(f"{variable.name}_{number}", variable.value)

    def forward(self, *inputs, **named):
        return self.layer[0](*inputs, **named)


class Application(nn.Module):
    """A functional model of Keras', for images as PyTorch has them: channels, height, width."""

    def __init__(self, model):
        super().__init__()
        self.model = [model]
        for layer in model.layers:
            self.add_module(layer.name, Layer(layer))

    def forward(self, images):
        layers = self._modules
        model = self.model[0]
        return model._run_through_graph(images.permute(0, 2, 3, 1), operation_fn=lambda layer: layers[layer.name])


def install():
    os.environ["KERAS_BACKEND"] = "torch"  # before it is first imported
    require(MODULE, REQUIREMENT)


def names():
    install()
    import keras
    return sorted(name for name, made in vars(keras.applications).items() if callable(made) and name[0].isupper())


def make(name, wanted):
    install()
    import keras
    if keras.backend.backend() != "torch":
        raise Failure(f"Keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=torch")
    if name not in names():
        raise Failure(f"Keras {keras.__version__} has no application '{name}'{nearest(name, names())}")
    if wanted.state_dict:
        raise Failure(f"'keras/{name}' takes weights that Keras saved, a .weights.h5 file, with --weights FILE")
    application, side = getattr(keras.applications, name), SIDES.get(name, 224)
    keras.utils.set_random_seed(SEED)
    weights = (wanted.weights or "imagenet") if wanted.download() else None
    model = fetched(name, lambda: application(include_top=False, weights=weights, input_shape=(side, side, 3)))
    mode = application.__module__.rpartition(".")[2]
    settings = {"resize": [side, side], "crop": "none", "interpolation": "nearest", **MODES.get(mode, AS_IT_IS)}
    source = Source(f"keras_{name}", Application(model), wanted.says(weights), settings, input_shape=(3, side, side))
    source.transforms = _transforms(application, side)
    return finished(source, Wanted(method=wanted.method))  # Keras' own random weights are lively


def _transforms(application, side):
    """Keras' own, from a PIL image to what the model is given."""
    import importlib

    import keras
    preprocess_input = importlib.import_module(application.__module__).preprocess_input

    def prepared(image):
        # What load_img() does once it has opened the file.
        pixels = keras.utils.img_to_array(image.resize((side, side), resample=0), data_format="channels_last")
        pixels = preprocess_input(pixels, data_format="channels_last")
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)  # what caffe wants is read backwards

    return prepared
