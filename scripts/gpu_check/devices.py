"""What --device, --precision and --tf32 choose and refuse."""
import tomllib

from bench import distance

MODEL, LAYER = "resnet50", "avgpool"


def check(bench):
    count = 100 if bench.gpus else 6
    images = bench.photos(count)
    plain = bench.featx(MODEL, [LAYER], "plain", images)
    if not bench.expect(plain.code == 0, plain.error):
        return
    rows = bench.rows("plain", LAYER)
    bench.expect(len(rows) == count, f"{len(rows)} rows of {count}")
    check_auto(bench, images)
    check_absent(bench, images)
    check_several(bench, images, rows)
    check_precision(bench, images, rows)
    bench.remove("plain")


def check_auto(bench, images):
    ended = bench.featx(MODEL, [LAYER], "auto", images, "--device", "auto", "--dry-run")
    wanted = "device: cuda:0 (auto: " if bench.gpus else "device: cpu (auto: "
    lines = [line for line in ended.said.splitlines() if line.startswith("device: ")]
    bench.expect(ended.code == 0 and lines and lines[0].startswith(wanted), f"auto: {ended.said.strip()}")
    bench.say(lines[0] if lines else "device: ?")


def check_absent(bench, images):
    """A GPU that is not there is refused, by name, and nothing is written."""
    absent = f"cuda:{max(bench.gpus, 7)}"
    ended = bench.featx(MODEL, [LAYER], "absent", images, "--device", absent)
    bench.say(f"{absent}: exit {ended.code}, {ended.error}")
    told = ended.error.startswith("error: ") and absent in ended.error and "--device cpu" in ended.error
    bench.expect(ended.code == 1 and told, f"{absent}: exit {ended.code}, {ended.error}")
    bench.expect(not (bench.folder / "absent").exists(), f"{absent} left a run directory")


def check_several(bench, images, rows):
    """All GPUs, with batches that do not divide the images; in a rehearsal three replicas on the CPU."""
    asked, devices = ("cuda:all", ",".join(f"cuda:{i}" for i in range(bench.gpus)))
    if not bench.gpus:
        asked = devices = "cpu,cpu,cpu"
    ended = bench.featx(MODEL, [LAYER], "several", images, "--device", asked, "--batch-size", "7", "--step-size", "2")
    if not bench.expect(ended.code == 0, f"{asked}: {ended.error}"):
        return
    bench.expect(ended.summary["device"] == devices, f"{asked}: the summary says {ended.summary['device']}")
    apart = distance(bench.rows("several", LAYER), rows)
    bench.expect(apart <= 1e-4, f"{asked}: relative L2 {apart:.1e} from one device's rows")
    bench.say(f"{asked}: {devices}, relative L2 {apart:.1e} from one device's rows")
    bench.remove("several")


def check_precision(bench, images, rows):
    """run.toml tells it, another one is refused, and TF32 is only what was asked for."""
    other = bench.command(MODEL, [LAYER], "plain", images, "--device", bench.device, "--precision", "bf16")
    ended = bench.run(other)
    bench.expect(ended.code == 1 and "precision" in ended.error, f"resuming in bf16: exit {ended.code}, {ended.error}")
    run = tomllib.loads((bench.folder / "plain" / "run.toml").read_text())
    bench.expect(run["precision"] == "f32", f"run.toml says precision {run['precision']}")
    if not bench.gpus:
        bench.say("--tf32: left out, there is no GPU")
        return
    ended = bench.featx(MODEL, [LAYER], "tf32", images, "--tf32")
    if bench.expect(ended.code == 0, f"--tf32: {ended.error}"):
        apart = distance(bench.rows("tf32", LAYER), rows)
        bench.expect(1e-6 < apart <= 2e-2, f"--tf32: relative L2 {apart:.1e} from f32")
        bench.say(f"--tf32: relative L2 {apart:.1e} from f32")
    bench.remove("tf32")
