"""Tests of the Python scripts: .venv/bin/python -m unittest discover --start-directory tests"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import tomllib
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import export_model
import look
import numpy
import safetensors.torch
import torch
import torchvision
from torch import nn
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from featx.export import Failure, description, hooks, preprocess, sources, torchscript, weights
from featx.export.sources import hf_pixels, state_dict
from zoo.venv import find_featx


class ReadTransforms(unittest.TestCase):
    def problems(self, *steps):
        return preprocess.read_transforms(T.Compose(steps))[1]

    def test_usual_steps_are_read_whole(self):
        settings, problems = preprocess.read_transforms(T.Compose([
            T.Resize(72, InterpolationMode.LANCZOS), T.CenterCrop((64, 64)), T.ToTensor(),
            T.Normalize((0.5, 0.5, 0.5), (1, 1, 1))]))
        self.assertEqual(problems, [])
        self.assertEqual(preprocess.from_dict(settings),
                         preprocess.Preprocess(72, 64, "lanczos", (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)))

    def test_what_cannot_be_expressed_is_named(self):
        crop, rest = T.CenterCrop(64), [T.ToTensor(), T.Normalize((0, 0, 0), (1, 1, 1))]
        self.assertIn("has the step Grayscale", self.problems(T.Resize(72), crop, T.Grayscale(3), *rest)[0])
        self.assertIn("has no step Resize", self.problems(crop, *rest)[0])

    def test_steps_of_any_form_are_read(self):
        rest = [T.ToTensor(), T.Normalize((0.5,), (0.25,))]
        for steps, expected in (
                ([T.Resize((64, 32))], {"resize": [64, 32], "crop": "none", "interpolation": "bilinear"}),
                ([T.Resize(72, InterpolationMode.BOX), T.CenterCrop((64, 32))],
                 {"resize": 72, "crop": [64, 32], "interpolation": "box"})):
            settings, problems = preprocess.read_transforms(T.Compose([T.Grayscale(), *steps, *rest]))
            self.assertEqual((settings, problems), ({**expected, "channels": "grey", "mean": (0.5,), "std": (0.25,)}, []))

    def test_toml_reads_back(self):
        letterbox = {"resize": {"longer": 640}, "crop": "none", "pad": {"to": [640, 640], "value": 114}}
        grey = {"channels": "grey", "mean": (0.5,), "std": (1,), "scale": 1.0, "orient": True}
        for settings in ({"resize": 342, "crop": 299, "interpolation": "bicubic"}, letterbox, grey,
                         {"resize": [64, 32], "crop": "none", "resampler": "torch"}):
            pixels = preprocess.Preprocess(**settings)
            self.assertEqual(preprocess.from_dict(tomllib.loads(pixels.to_toml("a comment"))["preprocess"]), pixels)

    def test_unknown_keys_and_values_are_refused(self):
        for settings in ({"size": 224}, {"crop": 0}, {"crop": 2.5}, {"interpolation": "area"}, {"mean": [0.5]},
                         {"resize": [1, 2, 3]}, {"crop": "all"}, {"resize": {"shorter": 3}}, {"channels": "grey"}):
            with self.assertRaises(Failure, msg=settings):
                preprocess.from_dict(settings)


class TorchvisionModels(unittest.TestCase):
    def test_inputs_that_differ_from_the_usual(self):
        crops = {"inception_v3": (342, 299), "efficientnet_b1": (255, 240), "vit_h_14": (518, 518),
                 "swin_s": (246, 224), "resnet50": (232, 224), "vgg16": (256, 224)}
        for name, (resize, crop) in crops.items():
            settings, problems = preprocess.read_transforms(sources.from_torchvision.weights_of(name).transforms())
            self.assertEqual((settings["resize"], settings["crop"], problems), (resize, crop, []), name)

    def test_other_weights_want_other_pixels(self):
        first = preprocess.read_transforms(sources.from_torchvision.weights_of("resnet50", "IMAGENET1K_V1").transforms())[0]
        self.assertEqual(first["resize"], 256)

    def test_unknown_names_get_the_nearest(self):
        with self.assertRaisesRegex(Failure, "no model 'resnt18' in torchvision; nearest: 'resnet18'"):
            sources.find("resnt18", sources.Wanted(random=True))
        with self.assertRaisesRegex(Failure, "has no weights 'V9', expected one of IMAGENET1K_V1"):
            sources.find("alexnet", sources.Wanted(weights="V9"))

    def test_random_weights_are_the_same_each_time(self):
        first, second = (sources.find("squeezenet1_1", sources.Wanted(random=True)).module for _ in range(2))
        for one, other in zip(first.parameters(), second.parameters(), strict=True):
            self.assertTrue(torch.equal(one, other))

    def test_random_weights_leave_no_layer_faded_or_blank(self):
        for name in ("mobilenet_v3_small", "vit_b_32"):
            model = sources.find(name, sources.Wanted(random=True)).module
            layers = hooks.record(model, torch.randn(2, 3, 224, 224), lambda _name, seen: seen.abs().max().item())
            for layer, kept in ((layer, found.kept) for layer, found in layers.items() if not found.why_not()):
                self.assertTrue(1e-3 < kept < 1e3, f"{name} {layer}: {kept}")


class Hooks(unittest.TestCase):
    def test_in_place_operations_do_not_reach_what_was_seen(self):
        model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)).eval()
        images = torch.randn(3, 4)
        seen = hooks.record(model, images)["0"].kept
        self.assertTrue(torch.equal(seen, model[0](images)))
        self.assertTrue((seen < 0).any())

    def test_the_last_call_counts(self):
        act = nn.ReLU()
        model = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 2), act).eval()
        layer = hooks.record(model, torch.randn(3, 4))["1"]
        self.assertEqual((layer.called, layer.shape, layer.aliases), (2, (3, 2), ["3"]))

    def test_rows_that_are_not_images_are_noticed(self):
        class Four(nn.Module):
            def forward(self, x):
                return x.repeat(4, 1)
        self.assertFalse(hooks.record(nn.Sequential(Four()), torch.randn(3, 4))["0"].per_image)


class Look(unittest.TestCase):
    def test_labels_and_neighbours(self):
        features = numpy.array([[1, 0, 5], [0, 1, 5], [1, 0.1, 5], [0, 1.1, 5]])
        output = numpy.log([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4], [0.2, 0.8]])
        found = look.look(list("abcd"), features, output, ["cat", "dog"])
        self.assertEqual([(name, label, nearest) for name, label, _, nearest, _ in found],
                         [("a", "cat", "c"), ("b", "dog", "d"), ("c", "cat", "a"), ("d", "dog", "b")])
        self.assertEqual([round(chance, 6) for _, _, chance, _, _ in found], [0.7, 0.9, 0.6, 0.8])


class Proof(unittest.TestCase):
    def test_a_file_that_computes_something_else_is_refused(self):
        torch.manual_seed(0)
        model, other = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pt"
            torchscript.save(torchscript.script(other), path)
            with self.assertRaisesRegex(Failure, "differs from the original"):
                torchscript.verify(model, path, (3, 8, 8))

    def test_nan_is_not_equal_to_a_number(self):
        nan, one = torch.tensor([float("nan")]), torch.ones(1)
        self.assertFalse(torchscript.relative_l2(nan, one) <= 1e-5)
        self.assertFalse(torchscript.relative_l2(one, nan) <= 1e-5)
        self.assertEqual(torchscript.relative_l2(nan, nan), 0)
        self.assertEqual(torchscript.relative_l2(torch.zeros(2), torch.zeros(2)), 0)
        self.assertEqual(torchscript.relative_l2(one, torch.zeros(1)), float("inf"))


class GpuCheck(unittest.TestCase):
    def test_without_a_gpu_it_says_that_it_did_not_run(self):
        environment = {**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""}
        command = [ROOT / "scripts/gpu_check.sh", "--featx", "/bin/true"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 3, ended.stderr)
        self.assertTrue(ended.stdout.startswith("no GPU: the GPU check did not run"), ended.stdout)
        ended = subprocess.run([*command, "row"], env=environment, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 2)
        self.assertTrue(ended.stderr.endswith("no part is called 'row'\n"), ended.stderr)


OWN_MODELS = '''
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
    def forward(self, x):
        return {"out": self.conv(x)}

class OnlyTraced(Net):
    def forward(self, *args):
        return self.conv(*args)

class Baked(Net):
    def forward(self, *args):
        return self.conv(args[0]).reshape(int(args[0].shape[0]), -1)

class Looks(Net):
    def forward(self, *args):
        x = self.conv(args[0])
        return x + 1 if x.abs().sum() > 0 else x

class Flat(Net):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4 * 62 * 62, 2)
    def forward(self, x):
        return self.head(self.conv(x).flatten(1))

class Nothing(Net):
    def forward(self, x):
        return 1

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Conv2d(3, 4, 3)
        self.high = nn.Conv2d(3, 5, 3)
    def forward(self, x):
        return self.low(x), self.high(x)

class Pairs(nn.Module):
    """One is used second first; of one nothing uses the first; one is a module that two parents share."""
    def __init__(self):
        super().__init__()
        self.swapped, self.lost = Pair(), Pair()
        self.one, self.two = nn.Sequential(Pair()), nn.Sequential()
        self.two.append(self.one[0])
    def forward(self, x):
        low, high = self.swapped(x)
        shared, other = self.one(x)
        twice, _ = self.two(shared[:, :3])
        return high.mean() + low.mean((1, 2, 3)) + self.lost(x)[1].mean() + other.mean() + twice.mean()

class ChangesItsInput(Net):
    def forward(self, x):
        return self.conv(x.relu_())

class WithHead(nn.Module):
    """Nothing uses what `head` gives; `ignored` does, whose only outcome that is used is its own."""
    def __init__(self):
        super().__init__()
        self.head, self.ignored = ChangesItsInput(), Ignored()
    def forward(self, x):
        x = x * 1
        self.head(x)
        return self.ignored(x)

class Ignored(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    def forward(self, x):
        self.one(x)
        return self.other(x)

class Tower(Net):
    def encode_image(self, x, normalize: bool = False):
        features = self.conv(x).mean((2, 3))
        return features / features.square().sum(1, keepdim=True) if normalize else features
    def forward(self, image, text):
        return self.encode_image(image) @ text

class Tokens(nn.Module):
    num_prefix_tokens = 5
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 4, 16, 16)
        self.patch_embed.grid_size = (4, 4)
    def forward(self, x):
        return self.patch_embed(x)

class Loud(nn.Module):
    """Neither scripts nor traces; its errors are in colour."""
    def __init__(self):
        super().__init__()
        self.calls = 0
    def forward(self, *x):
        self.calls += 1
        if self.calls > 1:
            raise ValueError("two\\nlines, \\x1b[31mred\\x1b[0m")
        return x[0]

def loud(): return Loud()
def raises(): raise KeyError("a\\nb")
def with_argument(width): return Net()
def pairs(): return Pairs()
def with_head(): return WithHead()
def tower(): return Tower()
def tokens(): return Tokens()
def flat(): return Flat()
def nothing(): return Nothing()
def net(): return Net(), {"resize": 70, "crop": 64, "interpolation": "lanczos"}
def only_traced(): return OnlyTraced()
def baked(): return Baked()
def looks(): return Looks()
def typo(): return Net(), {"size": 64}
'''


class Export(unittest.TestCase):
    """The program itself."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        (self.folder / "own.py").write_text(OWN_MODELS)

    def export(self, *arguments, featx=None):
        arguments += ("--featx", featx) if featx else ("--no-featx",)
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors), contextlib.chdir(self.folder):
            code = export_model.main([*map(str, arguments), "--out", "out"])
        return code, said.getvalue(), errors.getvalue()

    def files(self):
        return sorted(path.name for path in (self.folder / "out").iterdir())

    def test_own_model(self):
        code, said, errors = self.export("--from", "own.py:net", "--as", "mine")
        self.assertEqual((code, self.files()), (0, ["mine.pt", "mine.toml"]), errors)
        self.assertIn("scripted", said)
        self.assertEqual(preprocess.read_toml(self.folder / "out" / "mine.toml"),
                         preprocess.Preprocess(70, 64, "lanczos"))

    def test_traced_where_scripting_fails(self):
        code, said, errors = self.export("--from", "own.py:only_traced", "--input", "3,64,64", "--format", "pt")
        self.assertEqual(code, 0, errors)
        self.assertIn("traced", said)
        self.assertIn("not scripted", said)
        torch.jit.load(self.folder / "out" / "only_traced.pt")(torch.zeros(5, 3, 80, 80))

    def test_exported_where_scripting_fails(self):
        code, said, errors = self.export("--from", "own.py:only_traced", "--input", "3,64,64")
        self.assertEqual((code, self.files()), (0, ["only_traced.pt2", "only_traced.toml"]), errors)
        self.assertIn("exported", said)
        self.assertIn("not scripted", said)
        program = torch.export.load(self.folder / "out" / "only_traced.pt2")
        program.module()(torch.zeros(5, 3, 64, 64))

    def test_traced_where_scripting_and_torch_export_fail(self):
        code, said, errors = self.export("--from", "own.py:looks", "--input", "3,64,64")
        self.assertEqual((code, self.files()), (0, ["looks.pt", "looks.toml"]), errors)
        self.assertRegex(said, "'out/looks.pt': .* traced, .*\n"
                               "  not scripted: .*\n"
                               "  not exported: its code decides by the values of a tensor, at .*/own.py:[0-9]+\n"
                               "  the tracer saw Python look at values, .*\n\\Z")

    def test_the_format_is_chosen(self):
        self.assertEqual(self.export("--from", "own.py:net")[0], 0)
        code, said, errors = self.export("--from", "own.py:net", "--format", "pt2")
        self.assertEqual((code, self.files()), (0, ["net.pt", "net.pt2", "net.toml"]), errors)
        self.assertIn("are both there: --model net takes the first", said)

    def test_a_batch_baked_in_leaves_no_file(self):
        code, _, errors = self.export("--from", "own.py:baked", "--input", "3,64,64")
        self.assertEqual((code, self.files()), (1, []))
        self.assertIn("not exported: its code fixes the batch size, which has to stay open; not traced: ", errors)
        self.assertIn("gives other shapes on a batch of 1", errors)

    def toml(self, name):
        return tomllib.loads((self.folder / "out" / f"{name}.toml").read_text())

    def test_a_trace_knows_which_tensor_a_hook_sees_first(self):
        code, _, errors = self.export("--from", "own.py:pairs", "--input", "3,64,64", "--trace")
        self.assertEqual(code, 0, errors)
        self.assertEqual(self.toml("pairs")["outputs"], {"swapped": 1, "lost": False, "one": 0, "two.0": 0})
        code, _, errors = self.export("--from", "own.py:net", "--trace")
        self.assertNotIn("outputs", self.toml("net"), errors)

    def test_a_trace_knows_whether_its_only_tensor_is_a_hooks(self):
        code, _, errors = self.export("--from", "own.py:with_head", "--input", "3,64,64", "--trace")
        self.assertEqual(code, 0, errors)
        self.assertEqual(self.toml("with_head")["outputs"], {"head": False, "ignored": 0})

    def test_another_method_than_forward(self):
        code, _, errors = self.export("--from", "own.py:tower", "--input", "3,64,64")
        self.assertEqual((code, self.files()), (1, []))
        for arguments, ending in ([], ".pt"), (["--trace"], ".pt"), (["--format", "pt2"], ".pt2"):
            code, said, errors = self.export("--from", "own.py:tower", "--input", "3,64,64", "--method", "encode_image",
                                             "--as", "mine", *arguments, featx=find_featx())
            self.assertEqual(code, 0, errors)
            self.assertTrue((self.folder / f"out/mine{ending}").exists())
            if find_featx():
                self.assertIn("featx agrees with the original in 1 of 1 layers", said)
        loaded = torch.jit.load(self.folder / "out/mine.pt")
        self.assertEqual(loaded(torch.zeros(2, 3, 64, 64)).shape, (2, 4))
        code, _, errors = self.export("--from", "own.py:tower", "--method", "encode_imag")
        self.assertEqual((code, errors), (1, "error: --method encode_imag: Tower has no such method of its own; "
                                             "nearest: 'encode_image'; it has encode_image, forward\n"))

    @unittest.skipUnless(find_featx(), "featx is not built")
    def test_the_file_goes_through_featx(self):
        for arguments, line in ((["pairs", "--trace"], "featx agrees with the original in 8 of 11 layers, to "),
                                (["pairs", "--trace"], "without features, the trace does not have its first tensor: lost\n"),
                                (["pairs", "--trace"], "without features, left no trace: .*: lost.low, one.0.high\n"),
                                (["pairs", "--trace"], "have another in the file: 'one.0' is 'two.0', 'one.0.low' is"),
                                (["pairs"], "featx agrees with the original in 11 of 11 layers"),
                                (["pairs", "--format", "pt2"], "featx agrees with the original in 11 of 11 layers"),
                                (["net", "--format", "pt2"], "featx agrees with the original in 1 of 1 layers")):
            code, said, errors = self.export("--from", f"own.py:{arguments[0]}", "--input", "3,64,64", *arguments[1:],
                                             featx=find_featx())
            self.assertEqual(code, 0, errors)
            self.assertRegex(said, line)

    def test_a_featx_that_differs_or_does_not_run(self):
        program = self.folder / "featx"
        program.write_text("#!/bin/sh\ncase $1 in --version) exit 0; esac\necho error: not today >&2\nexit 1\n")
        program.chmod(0o755)
        code, _, errors = self.export("--from", "own.py:net", featx=program)
        self.assertEqual((code, self.files()), (1, []))
        self.assertIn("not scripted: featx ended with 1: error: not today", errors)
        program.write_text("#!/bin/sh\necho cannot open libtorch.so >&2\nexit 127\n")
        code, said, errors = self.export("--from", "own.py:net", featx=program)
        self.assertEqual(code, 0, errors)
        self.assertIn("not tried with featx: '", said)
        self.assertIn("does not run: cannot open libtorch.so\n", said)
        code, said, errors = self.export("--from", "own.py:net", featx=self.folder / "nowhere")
        self.assertIn("nowhere' does not run: No such file or directory\n", said)

    def test_tokens_before_the_patches(self):
        for kind in ("pt", "pt2"):
            code, _, errors = self.export("--from", "own.py:tokens", "--input", "3,64,64", "--format", kind, "--as", kind)
            self.assertEqual((code, self.toml(kind)["tokens"]), (0, {"prefix": 5, "grid": [4, 4]}), errors)
        vit = sources.find("vit_b_32", sources.Wanted(random=True)).module
        known = description.tokens_of(vit)
        self.assertEqual((known.prefix, known.grid), (1, (7, 7)))
        self.assertEqual(description.tokens_of(nn.Linear(2, 2)).to_toml(), "")

    def test_input_that_the_model_does_not_take(self):
        for function, arguments, error in (
                ("flat", ["--input", "3,32,32"], "the model itself fails on \\(1, 3, 32, 32\\): "),
                ("flat", ["--input", "1,64,64"], "--input asks for 1x64x64, but featx would give 3x64x64"),
                ("net", ["--input", "3,224,224"], "--input asks for 3x224x224, but featx would give 3x64x64"),
                ("nothing", [], "the model gives no tensor")):
            code, _, errors = self.export("--from", f"own.py:{function}", *arguments)
            self.assertEqual(code, 1)
            self.assertRegex(errors, error)
        self.assertEqual(self.files(), [])

    def test_errors_are_one_line_with_a_cure(self):
        (self.folder / "syntax.py").write_text("def f(:\n")
        (self.folder / "imports.py").write_text("import no_such_thing\n")
        torch.save({"a": torch.zeros(2), "features.0.bias": torch.zeros(3)}, self.folder / "other.pt")
        (self.folder / "junk.pt").write_text("hello")
        for arguments, error in (
                ("--from own.py:loud", "not scripted: .*; not exported: two; not traced: two; a part of it that can be"),
                ("--from own.py:looks --format pt2", "not exported: its code decides by .*; try --format pt, which scripts"),
                ("--from own.py:loud --trace", "not traced: two; try --script"),
                ("--from own.py:raises", "'own.py:raises' fails at own.py:[0-9]+: KeyError: "),
                ("--from own.py:with_argument", "featx calls it without arguments: give them defaults"),
                ("--from syntax.py:f", "'syntax.py' is no Python: invalid syntax at .*syntax.py:1"),
                ("--from imports.py:f", "'imports.py' fails at imports.py:1: .*'no_such_thing'; install it with pip"),
                ("--from own.py:tokns", "'own.py' has no function 'tokns'; nearest: 'tokens'"),
                ("alexnet --state-dict other.pt", "'other.pt' does not fit the model: 15 weights missing: classifier.1.bias, "
                 ".*; 1 weights unknown to it: a; 1 weights of another shape: features.0.bias \\(3,\\) instead of \\(64,\\)"),
                ("alexnet --state-dict junk.pt", "torch.save\\(model.state_dict\\(\\), 'weights.pt'\\)")):
            code, _, errors = self.export(*arguments.split())
            self.assertEqual(code, 1, arguments)
            self.assertRegex(errors, f"\\Aerror: .*{error}.*\\n\\Z")
            self.assertNotIn("\x1b", errors)

    def test_without_a_network(self):
        with unittest.mock.patch.dict(os.environ, {"TORCH_HOME": str(self.folder), "https_proxy": "http://127.0.0.1:9"}):
            code, _, errors = self.export("squeezenet1_1")
        self.assertEqual(code, 1)
        self.assertRegex(errors, "error: cannot fetch the pretrained weights of 'squeezenet1_1' .*; --state-dict FILE takes.*\n")

    def test_a_wrong_key_of_its_preprocessing(self):
        code, _, errors = self.export("--from", "own.py:typo")
        self.assertEqual(code, 1)
        self.assertIn("error: unknown preprocessing key 'size'", errors)

    def test_state_dict(self):
        torch.manual_seed(5)
        model = sources.find("squeezenet1_1", sources.Wanted(random=True)).module
        weights.vary_norms(model)
        torch.save({"epoch": 1, "state_dict": model.state_dict()}, self.folder / "w.pt")
        code, _, errors = self.export("squeezenet1_1", "--state-dict", self.folder / "w.pt")
        self.assertEqual(code, 0, errors)
        images = torch.randn(1, 3, 224, 224)
        loaded = torch.jit.load(self.folder / "out" / "squeezenet1_1.pt")
        torch.testing.assert_close(loaded(images), model(images))

    def test_state_dicts_as_training_leaves_them(self):
        model = nn.Linear(2, 3)
        weights_of = model.state_dict()
        for saved in (weights_of, {"model": weights_of, "epoch": 3},
                      {f"module.{key}": value for key, value in weights_of.items()},
                      weights_of | {"aux1.fc.weight": torch.zeros(1)},
                      {"state_dict": {f"net.{key}": value for key, value in weights_of.items()} | {"loss.scale": torch.ones(1)},
                       "hyper_parameters": argparse.Namespace(lr=0.1)}):
            torch.save(saved, self.folder / "w.pt")
            other = nn.Linear(2, 3)
            state_dict.load_state_dict(other, self.folder / "w.pt")
            self.assertTrue(torch.equal(other.weight, model.weight))

    def test_a_state_dict_of_other_classes_in_safetensors(self):
        torch.manual_seed(5)
        model = torchvision.models.squeezenet1_1(num_classes=7).eval()
        safetensors.torch.save_file(model.state_dict(), self.folder / "w.safetensors")
        code, _, errors = self.export("squeezenet1_1", "--state-dict", self.folder / "w.safetensors")
        self.assertEqual(code, 0, errors)
        images = torch.randn(1, 3, 224, 224)
        loaded = torch.jit.load(self.folder / "out" / "squeezenet1_1.pt")
        torch.testing.assert_close(loaded(images), model(images))

    def test_an_entry_of_a_hub(self):
        (self.folder / "hub").mkdir()
        (self.folder / "hub/hubconf.py").write_text("from torchvision.models import squeezenet1_1 as net\n"
                                                    "def pretrained_only(): return net()\n")
        code, _, errors = self.export("hub/./hub:net", "--random")
        self.assertEqual(code, 1)
        self.assertRegex(errors, "it does not say what is done to images .*; choose one with --resize and --crop\n")
        code, _, errors = self.export("hub/./hub:net", "--random", "--resize", 256, "--crop", 224)
        self.assertEqual((code, self.files()), (0, ["hub_net.pt", "hub_net.toml"]), errors)
        code, _, errors = self.export("hub/./hub:pretrained_only", "--random", "--resize", 256, "--crop", 224)
        self.assertEqual(code, 1)
        self.assertIn("takes no pretrained=False", errors)

    def test_a_library_that_is_not_known(self):
        code, _, errors = self.export("clip/ViT-B-32", "--random")
        self.assertEqual(code, 1)
        self.assertIn("no library 'clip' is known; expected a model of torchvision (vgg16), or of another library: timm/vit", errors)

    def test_state_dicts_that_do_not_fit(self):
        for saved, error in (([1, 2], "expected a dict of weights, found list"),
                             ({"weight": torch.zeros(9)}, "1 weights missing: bias; 1 weights of another shape: weight \\(9,\\)")):
            torch.save(saved, self.folder / "w.pt")
            with self.assertRaisesRegex(Failure, f"'.*w.pt' does not fit the model: (.|\n)*{error}"):
                state_dict.load_state_dict(nn.Linear(2, 3), self.folder / "w.pt")

    def test_help_needs_no_torch(self):
        for script in ("check_zoo.py", "make_configs.py", "fuzz_programs.py"):
            command = [sys.executable, "-S", ROOT / "scripts" / script, "--help"]  # -S: without installed packages
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), script)

    def test_help_does_not_wait_for_torch(self):
        path = os.environ | {"PYTHONPATH": str(ROOT / "scripts/python")}
        asked = [sys.executable, "-X", "importtime", "-m", "featx.export", "--help"]
        done = subprocess.run(asked, capture_output=True, text=True, env=path)
        self.assertIn("python -m featx.export --random vit_b_16", done.stdout)
        self.assertNotIn("| torch\n", done.stderr)

    def test_what_is_missing_is_named(self):
        packages = Path(torch.__file__).parents[1]
        for name in ("numpy", "numpy.libs"):
            (self.folder / name).symlink_to(packages / name)
        path = os.environ | {"PYTHONPATH": f"{ROOT / 'scripts/python'}:{self.folder}"}
        asked = [sys.executable, "-S", "-m", "featx.export", "vgg16"]  # -S: without installed packages
        done = subprocess.run(asked, capture_output=True, text=True, env=path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "has no torch and no torchvision and no pillow; install what is missing with: "
                                      ".*python.* -m pip install torch==2.11.\\* torchvision==0.26.\\* pillow")

    def test_one_failure_does_not_keep_the_others(self):
        code, _, errors = self.export("--random", "resnt18", "squeezenet1_1")
        self.assertEqual((code, self.files()), (1, ["squeezenet1_1.pt", "squeezenet1_1.toml"]))
        self.assertEqual(errors.count("error:"), 1)


if __name__ == "__main__":
    unittest.main()
