#!/usr/bin/env python3
"""Make the programs of torch.export that the tests run featx on, and what PyTorch says their layers are.

usage: tests/make_programs.py OUT_DIR

OUT_DIR/photos/        as tests/make_models.py has them
OUT_DIR/NAME.pt2       a network of small_models.py or program_models.py, with its NAME.toml
OUT_DIR/NAME/          its reference, as in make_models.py; `no_trace` are layers that gave back their input
OUT_DIR/refused/       programs that cannot be run, each for another reason
OUT_DIR/NAME_fixed.pt2 exported for a batch of 3, of 1 or of 2, and no other
OUT_DIR/NAME_saved.pt2 weights and constants in the form of PyTorch 2.8

With everything there already, it does nothing.
"""

import io
import json
import sys
import zipfile

import make_models
from make_models import SIDE

# Of small_models.py: those that torch.export takes.
SMALL = ("resnet", "densenet", "mobilenet", "googlenet", "swin", "vit", "convolutions", "thick", "loop", "shared",
         "nested_tuple", "dict_output", "named_tuple", "optional_output", "list_output", "interface", "aliases",
         "transposed", "never_called", "odd_rows", "dtypes", "default_argument", "odd_names")
OWN = {"regions": "Regions", "in_place": "InPlace", "pairs": "Pairs"}


def main():
    return make_models.run(__doc__, make_all)


def make_all(out):
    make_accepted(out)
    make_refused(out / "refused")


def make_accepted(out):
    import program_models
    import small_models
    for name in SMALL:
        make_program(out, name, small_models.MODELS[name][0])
    for name, kind in OWN.items():
        make_program(out, name, getattr(program_models, kind))
    make_fixed(out)
    make_saved(out, "regions")


def make_program(out, name, construct):
    from featx.export import program
    model = make_models.woken(name, construct)
    path = out / f"{name}.pt2"
    program.save(program.export(model, (3, SIDE, SIDE)), path)
    program.verify(model, path, (3, SIDE, SIDE))
    finish(out, name, name, model)


def finish(out, name, kind, model):
    from featx.export import program
    (out / f"{name}.toml").write_text(make_models.pixels(kind).to_toml())
    make_models.make_references(out, name, model, [name], program.without_operation(model, (3, SIDE, SIDE)))


def make_fixed(out):
    """The shape of a batch is part of the program: that of torch.export without further words."""
    import small_models
    for name, batch in (("resnet_fixed", 3), ("vit_fixed", 1), ("odd_rows_fixed", 2)):
        kind = name.removesuffix("_fixed")
        model = make_models.woken(kind, small_models.MODELS[kind][0])
        save(out / f"{name}.pt2", model, batch=batch)
        finish(out, name, kind, model)


def make_saved(out, name):
    """As PyTorch 2.8 keeps weights and constants: each a dict that torch.save wrote, in a record of the archive."""
    import torch
    program = torch.export.load(out / f"{name}.pt2")
    with zipfile.ZipFile(out / f"{name}.pt2") as old, zipfile.ZipFile(out / f"{name}_saved.pt2", "w") as new:
        for record in old.namelist():
            if "/data/" not in record:
                new.writestr(record, old.read(record))
        for folder, tensors in (("weights", program.state_dict), ("constants", program.constants)):
            saved = io.BytesIO()
            torch.save(dict(tensors), saved)
            new.writestr(f"archive/data/{folder}/model.pt", saved.getvalue())
    (out / f"{name}_saved.toml").write_text((out / f"{name}.toml").read_text())
    (out / f"{name}_saved").symlink_to(name)


def save(path, model, *more, batch=2, dynamic=None, **keywords):
    import torch
    from featx.export.program import quiet
    images = torch.randn(batch, keywords.pop("channels", 3), SIDE, SIDE)
    with quiet(), torch.no_grad():
        program = torch.export.export(model.eval(), (images, *more), dynamic_shapes=dynamic, **keywords)
        with open(path, "wb") as file:
            torch.export.save(program, file)


def make_refused(folder):
    import program_models as models
    import torch
    folder.mkdir()
    batch = ({0: torch.export.Dim.DYNAMIC},)
    for name, model in (("cond", models.Chooses()), ("custom", models.Twists()), ("quantised", models.Rounds()),
                        ("autocast", models.HalfPrecision()), ("unordered", models.Pairs()), ("plain", models.Plain())):
        save(folder / f"{name}.pt2", model, dynamic=batch)
    save(folder / "one_channel.pt2", models.Plain(1), dynamic=batch, channels=1)
    save(folder / "two_inputs.pt2", models.TwoInputs(), torch.ones(1))
    plain = folder / "plain.pt2"
    edit(plain, folder / "version_9.pt2", program=lambda text: text.replace('"major": 8', '"major": 9'))
    edit(plain, folder / "no_json.pt2", program=lambda text: text[:200])
    edit(plain, folder / "lines.pt2", program=lambda text: text.replace('"as_int"', '"two\\nlines"', 1))
    edit(plain, folder / "compiled.pt2", rename=lambda name: name.replace("models/model.json", "data/aotinductor/model/model.so"))
    edit(plain, folder / "old.pt2", rename=lambda name: name.replace("models/model.json", "serialized_exported_program.json"))
    with zipfile.ZipFile(folder / "old.pt2", "a") as old:
        old.writestr("version", "8.5")  # of PyTorch 2.7, which has no folder around its records
    edit(plain, folder / "old_weights.pt2", rename=lambda name: name.replace("model_weights_config.json", "model.pt"))
    edit(plain, folder / "long_weight.pt2", weights=lambda text: text.replace('{"as_int": 27}', '{"as_int": 270}'))
    edit(plain, folder / "compressed.pt2", compression=zipfile.ZIP_DEFLATED)
    flip(plain, folder / "bit_flipped.pt2", stem_of(plain))
    saved = folder.parent / "regions_saved.pt2"
    flip(saved, folder / "bit_flipped_saved.pt2", stem_of(folder.parent / "regions.pt2"))
    data = plain.read_bytes()
    (folder / "truncated_half.pt2").write_bytes(data[: len(data) // 2])
    (folder / "truncated_end.pt2").write_bytes(data[:-100])
    for path in folder.glob("*.pt2"):
        path.with_suffix(".toml").write_text(make_models.pixels("").to_toml())


def edit(source, target, program=str, weights=str, rename=str, compression=zipfile.ZIP_STORED):
    """Another archive, whose texts and names are changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(made, "w", compression) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("models/model.json"):
                data = program(data.decode()).encode()
            elif name.endswith("weights_config.json"):
                data = weights(data.decode()).encode()
            new.writestr(rename(name), data)
    target.write_bytes(made.getvalue())


def stem_of(path):
    """The bytes of the first convolution's weight."""
    with zipfile.ZipFile(path) as archive:
        listed = next(name for name in archive.namelist() if name.endswith("weights_config.json"))
        weight = json.loads(archive.read(listed))["config"]["stem.weight"]["path_name"]
        return archive.read(next(name for name in archive.namelist() if name.endswith(f"weights/{weight}")))


def flip(source, target, raw):
    """One bit of these bytes."""
    data = bytearray(source.read_bytes())
    data[data.find(raw) + 5] ^= 0x10
    target.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
