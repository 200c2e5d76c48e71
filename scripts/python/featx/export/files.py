"""The work of the exporter: a model found, its preprocessing read, its file made and proved."""

import fnmatch
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from . import Failure, description, naming, preprocess, program, proof, shortened, sources, torchscript, traced


def print_names(pattern):
    for name in fnmatch.filter(sources.from_torchvision.names(), pattern):
        print(f"{name:24} {sources.from_torchvision.weights_of(name).name}")
    for prefix, example in sources.LIBRARIES.items():
        library = sources.library(prefix)
        module = getattr(library, "MODULE", None)
        if module and not sources.has(module):
            print(f"{prefix}/NAME: {module} is installed when it is first asked for: {example}", file=sys.stderr)
        elif hasattr(library, "names"):
            print(*fnmatch.filter((f"{prefix}/{name}" for name in library.names()), pattern), sep="\n")
        else:
            print(f"{prefix}/NAME: whatever its hub has, such as {example}", file=sys.stderr)


def export_all(args):
    """Every model that the command line names; a failure is printed, and the next one made. The exit code."""
    failed = False
    for name in args.names or [args.function]:
        try:
            export(name, args)
        except Failure as failure:
            print(f"error: {failure}", file=sys.stderr)
            failed = True
        except Exception as error:  # the libraries', of which nobody knows all
            print(f"error: '{name}' is not exported: {in_one_line(error)}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


def in_one_line(error):
    """What was raised, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {shortened(str(error))}" if str(error) else type(error).__name__
    return f"{said} (at {'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno})"


def export(name, args):
    start = time.perf_counter()
    wanted = sources.Wanted(args.random, args.weights, args.state_dict, args.method)
    source = sources.from_file.make(name, wanted) if args.function else sources.find(name, wanted)
    asked = asked_pixels(args)
    pixels = preprocessing(name, source, asked, args.input)
    # What featx does to images is proved by what the library itself does to them, where it is meant to be that.
    transforms = None if asked else source.transforms
    input_shape = pixels.shape
    if args.input not in (None, input_shape):
        raise Failure(f"--input asks for {in_words(args.input)}, but featx would give {in_words(input_shape)}: "
                      "three channels, and the centre crop of the preprocessing")
    make_folder(args.out)
    stem = args.out / (args.file_name or source.name)

    def prove(made, temporary):
        made.toml = in_toml(pixels, source.module, made, f"{Path(name).name}: weights {source.weights}, {made.how}")
        if not args.no_featx:
            made.notes += proof.through_featx(args.featx, source.module, temporary, pixels, transforms, made)

    path, made = write(name, source.module, stem, input_shape, args.ways, prove)
    print(f"'{path}': weights {source.weights}, {made.how}, {path.stat().st_size / 1e6:.1f} MB, "
          f"input {in_words(input_shape)}, outputs agree to {made.worst:.0e}, "
          f"{time.perf_counter() - start:.1f} s")
    for note in made.notes + other_kind(path):
        print(f"  {note}")


def other_kind(path):
    """A word on the file of the other kind, if there is one from before: they share the TOML."""
    first, second = (f"{path.with_suffix('')}{ending}" for ending in (".pt", ".pt2"))
    if Path(first).exists() and Path(second).exists():
        return [f"'{first}' and '{second}' are both there: --model {path.stem} takes the first"]
    return []


def in_words(shape):
    return "x".join(map(str, shape))


def asked_pixels(args):
    """What the command line says of the preprocessing."""
    asked = {key: getattr(args, key) for key in ("resize", "crop", "interpolation", "mean", "std")}
    return {key: value for key, value in asked.items() if value is not None}


def preprocessing(name, source, asked, own_input):
    """The library's, where featx can express it, under what the command line says."""
    if source.problems and not {"resize", "crop"} <= asked.keys():
        raise Failure(f"the preprocessing of '{name}' cannot be written for featx: it {'; it '.join(source.problems)} "
                      "(expected: shorter side to a size, square centre crop, normalisation); "
                      "choose one with --resize and --crop")
    settings = source.settings | asked
    if own_input and "crop" not in settings:
        settings |= whole_input(own_input, settings)
    return preprocess.from_dict(settings)


def whole_input(input_shape, settings):
    """For one's own model of which only the input is known: ImageNet's proportions, 256 to 224."""
    side = input_shape[-1]
    if len(input_shape) != 3 or input_shape[1] != side:
        return {}
    return {"crop": side, "resize": settings.get("resize", round(side * 256 / 224))}


@dataclass
class Made:
    """A file that was written and proved."""

    how: str
    worst: float
    notes: list
    toml: str = ""
    silent: list = field(default_factory=list)  # layers of which a trace or a program knows nothing
    outputs: dict = field(default_factory=dict)  # of a trace: see traced.first_tensors
    ending: str = ".pt"


ENDINGS = {"script": ".pt", "trace": ".pt", "export": ".pt2"}
NOT_DONE = {"script": "not scripted", "trace": "not traced", "export": "not exported"}


def write(name, module, stem, input_shape, ways, prove):
    """The first way that works; what is written has proved itself against the original, `prove` included. The file, and
    what was made."""
    torchscript.check_runs(module, input_shape)
    failures = []
    for way in ways:
        path = Path(f"{stem}{ENDINGS[way]}")
        do = {"script": write_scripted, "trace": write_traced, "export": write_program}[way]
        try:
            # The model takes its name last: whoever finds it finds its preprocessing too.
            with torchscript.beside(path) as temporary:
                made = do(module, temporary, input_shape)
                prove(made, temporary)
                write_toml(path.with_suffix(".toml"), made.toml)
        except Failure as failure:
            failures.append(f"{NOT_DONE[way]}: {failure}")
        else:
            made.notes = failures + made.notes
            return path, made
    raise Failure(f"no file made of '{name}': {'; '.join(failures)}; {cure(ways)}")


def cure(ways):
    if ways == ("script",):
        return "try --trace, which runs the model once and keeps what it did"
    if ways == ("trace",):
        return "try --script, which compiles its source"
    if ways == ("export",):
        return "try --format pt, which scripts it, or traces it"
    return "a part of it that can be scripted or traced is exported with --from FILE.py:FUNCTION"


def write_scripted(module, path, input_shape):
    try:
        scripted = torchscript.script(module)
    except Exception as error:  # the compiler raises whatever it meets in a module's source
        raise Failure(torchscript.first_line(error)) from None
    torchscript.save(scripted, path)
    return Made("scripted", torchscript.verify(module, path, input_shape), [])


def write_traced(module, path, input_shape):
    try:
        trace, doubts = torchscript.trace(module, input_shape)
    except Exception as error:  # the module itself runs here
        raise Failure(torchscript.first_line(error)) from None
    torchscript.save(trace, path)
    worst = torchscript.verify(module, path, input_shape)
    outputs = traced.first_tensors(module, trace, torchscript.example_input(input_shape, 1))
    return Made("traced", worst, doubts_in_words(doubts), silent=torchscript.left_no_trace(trace), outputs=outputs)


def write_program(module, path, input_shape):
    try:
        exported = program.export(module, input_shape)
    except Exception as error:  # torch.export raises whatever it meets
        raise Failure(program.reason(error)) from None
    program.save(exported, path)
    worst = program.verify(module, path, input_shape)
    silent = program.without_operation(module, input_shape)
    return Made("exported", worst, [], silent=silent, ending=ENDINGS["export"])


def doubts_in_words(doubts):
    """What Python decided while it was traced is fixed in the file, however other images would have it."""
    if not doubts:
        return []
    places = sorted({"/".join(Path(doubt.filename).parts[-2:]) + f":{doubt.lineno}" for doubt in doubts})
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return [f"the tracer saw Python look at values, and keeps what it then did, at {', '.join(places[:3])}{more}"]


def make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Failure(f"--out '{folder}' is a file, expected a folder") from None
    except OSError as error:
        raise Failure(f"cannot make the folder '{folder}': {error.strerror}; choose another --out") from None


def in_toml(pixels, module, made, origin):
    """What featx is to know of the model."""
    known = description.tokens_of(module)
    known.outputs = made.outputs
    return pixels.to_toml(f"{origin} by {naming.COMMAND}") + known.to_toml()


def write_toml(path, text):
    with torchscript.beside(path) as temporary:
        temporary.write_text(text)
