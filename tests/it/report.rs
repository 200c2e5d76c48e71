//! `featx inspect DIR --report FILE.html`: its figures are NumPy's, whatever the names and the state of the run.

use crate::support::extraction::{CRASHED, extract_ok};
use crate::support::models::models;
use crate::support::workdir::Workdir;
use std::fs;
use std::os::unix::fs::symlink;

const MODEL: &str = "--model models/resnet_scripted.pt --layer layer1 --layer fc";

/// 41 images in two folders: one broken, two equal, one with a name that would be a script in a careless page.
const IMAGES: &str = r#"
from PIL import Image
rng = np.random.default_rng(3)
for at in range(38):
    folder = f"photos/{'cats' if at % 2 else 'dogs'}"
    os.makedirs(folder, exist_ok=True)
    pixels = rng.integers(0, 255, (8, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((100, 80)).save(f"{folder}/{at:02}.png")
same = open("photos/cats/01.png", "rb").read()
open("photos/cats/again.png", "wb").write(same)
open("photos/dogs/<script>alert(1)<&>.png", "wb").write(open("photos/dogs/04.png", "rb").read()[:-12] + b"\0\0\0\0IEND\xaeB`\x82")
open("photos/dogs/broken.png", "wb").write(b"no image")
"#;

/// Python: `page`, the file; `tables`, its tables by the heading that they stand under; `pairs`, its lists of terms.
const PAGE: &str = r#"
from html.parser import HTMLParser
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.pairs, self.texts, self.tags, self.section, self.into = {}, {}, [], [], '', None
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        if tag == 'section': self.section = attributes['id']; self.pairs[self.section] = {}
        if tag == 'table': self.tables.setdefault(self.section, []).append([])
        if tag == 'tr': self.tables[self.section][-1].append([])
        if tag in ('td', 'th'): self.tables[self.section][-1][-1].append('')
        if tag == 'dt': self.term = ''
        if tag == 'dd': self.pairs[self.section].setdefault(self.term, '')
        self.into = tag if tag in ('td', 'th', 'dt', 'dd', 'h2') else self.into if tag not in ('summary', 'figcaption', 'p') else None
    def handle_endtag(self, tag):
        if tag in ('dt', 'dd', 'table', 'h2'): self.into = None
    def handle_data(self, data):
        self.texts.append(data)
        if self.into in ('td', 'th'): self.tables[self.section][-1][-1][-1] += data.strip()
        if self.into == 'dt': self.term += data
        if self.into == 'dd': self.pairs[self.section][self.term] += data
text = open('report.html').read()
page = Page(); page.feed(text); page.close()
def number(words): return int(words.split()[0].replace(',', '')) if words != 'none' else 0
"#;

/// Python: each figure of [`PAGE`] for the run in `out` is what NumPy makes of its rows.
const FIGURES: &str = r#"
assert 'script>alert(1)' not in text and '&lt;script&gt;alert(1)&lt;&amp;&gt;.png' in text.replace('&#60;', '&lt;').replace('&#62;', '&gt;').replace('&#38;', '&amp;')
assert page.tags.count('script') == 1 and len(text) < 5e6 and 'http://' not in text.replace('http://www.w3.org/', '')
names = open('out/file_names.txt').read().splitlines()
assert len(names) == 41
for at, layer in enumerate(['layer1', 'fc'], 1):
    parts = sorted(os.listdir(f'out/{layer}'))
    rows = np.concatenate([np.load(f'out/{layer}/{part}') for part in parts]).astype('f8')
    flat = rows.reshape(len(rows), -1)
    values = flat[np.isfinite(flat)]
    said = page.pairs[f'layer-{at}']
    assert number(said['rows']) == 41
    for key, value in [('mean', values.mean()), ('standard deviation', values.std()), ('least', values.min()), ('greatest', values.max())]:
        assert abs(float(said[key]) - value) <= 1e-6 * abs(value), (layer, key, said[key], value)
    assert number(said['zeros']) == (flat == 0).sum()
    whole = np.nanmax(flat, 0) == np.nanmin(flat, 0)
    zero = whole & (np.nanmax(flat, 0) == 0)
    assert number(said['units that are 0 in every row']) == zero.sum(), (layer, said)
    assert number(said['units of one other value in every row']) == (whole & ~zero).sum()
    assert number(said['rows with NaN']) == np.isnan(flat).any(1).sum() == 1
    assert said['of these'] == f"{names.index('dogs/broken.png')} (dogs/broken.png)"
    assert number(said['rows equal to an earlier one']) == 2
    counts, edges = np.histogram(values, 60)
    table = page.tables[f'layer-{at}'][0][1:]
    assert [number(line[2]) for line in table] == counts.tolist()
    assert abs(float(table[0][0]) - edges[0]) < 1e-2 * abs(edges[0]) + 1e-9
    # Nearest and farthest of every row.
    finite = np.isfinite(flat).all(1)
    unlike = 1 - np.corrcoef(flat[finite])
    numbers = np.flatnonzero(finite)
    for line in page.tables[f'layer-{at}'][1][1:]:
        here = list(numbers).index(int(line[0]))
        others = np.delete(unlike[here], here)
        assert abs(float(line[2]) - others.min()) < 1e-4 and abs(float(line[4]) - others.max()) < 1e-4, line
        assert abs(unlike[here][list(numbers).index(int(line[3]))] - others.max()) < 1e-4
    # The first two components, but for their sign, and their share of the variance.
    centred = flat[finite] - flat[finite].mean(0)
    left, root, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.array([[float(cell) for cell in line] for line in page.tables[f'layer-{at}'][2][1:]])
    assert (points[:, 0] == numbers).all() and len(points) == 40
    for axis in range(2):
        wanted, shown = left[:, axis] * root[axis], points[:, 1 + axis]
        sign = np.sign((wanted * shown).sum())
        assert np.abs(sign * shown - wanted).max() < 0.01 * np.abs(wanted).max(), (layer, axis)
    variance = root ** 2
    share = [f'{100 * part / variance.sum():.0f} %' for part in variance[:2]]
    assert f"{share[0]} and {share[1]} of the variance" in text, share
assert text.count('<circle') == 2 * 40 and text.count('alt="Activation map') == 23
assert [line[1] for line in page.tables['rows'][1][1:]] == ['dogs/broken.png']
assert page.pairs['run']['model'].startswith('models/resnet_scripted.pt')
"#;

fn run(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    symlink(models(), dir.path("models")).unwrap();
    dir.python(IMAGES);
    dir
}

#[test]
fn figures_are_numpys() {
    let dir = run("report");
    extract_ok(
        &dir,
        &format!("{MODEL} --on-error skip --batch-size 4 photos"),
    );
    let said = dir.featx(&[
        "inspect",
        "out",
        "--report",
        "report.html",
        "--images",
        "photos",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("wrote 'report.html'"),
        "{}",
        said.stderr
    );
    dir.python(&format!("{PAGE}{FIGURES}"));
}

#[test]
fn a_page_is_made_of_what_there_is() {
    let dir = run("report_parts");
    // Of one shard of two.
    extract_ok(
        &dir,
        &format!("{MODEL} --on-error skip --batch-size 4 --shard 1/2 photos"),
    );
    dir.featx_ok(&["inspect", "out", "--report", "report.html", "--quiet"]);
    dir.python(&format!(
        r#"{PAGE}
assert '2 of 2 layers lack rows, up to 20 of 41.' in text.replace('&#32;', ' '), text[:9000]
assert 'data:image/jpeg' in text and 'Bound by: ' in text
assert page.pairs['run']['command'].startswith('featx extract --out out --model models/resnet_scripted.pt'), page.pairs
assert number(page.pairs['layer-2']['rows']) == 21 and 'missing: ' in text
"#
    ));
    let words =
        "'report.html' is there already; pass --overwrite to replace it, or choose another name";
    dir.featx_err(&["inspect", "out", "--report", "report.html"], words);
    fs::rename(dir.path("photos"), dir.path("moved")).unwrap();
    dir.featx_ok(&[
        "inspect",
        "out",
        "--report",
        "report.html",
        "--overwrite",
        "--quiet",
    ]);
    let page = String::from_utf8(dir.read("report.html")).unwrap();
    assert!(
        page.contains("pass --images DIR with the folder or the archives")
            && !page.contains("data:image/jpeg")
    );
    fs::remove_dir_all(dir.path("moved/cats")).unwrap();
    // Images that are gone, a file beside the parts that is none, a layer's own folder, and one without a run.
    dir.write("out/fc/features_0000000040-0000000041.npy", "no array");
    let again = [
        "--report",
        "report.html",
        "--overwrite",
        "--images",
        "moved",
    ];
    let said = dir.featx(&[&["inspect", "out"], &again[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let page = String::from_utf8(dir.read("report.html")).unwrap();
    assert!(
        page.contains("features_0000000040-0000000041.npy") && page.contains("data:image/jpeg")
    );
    dir.featx_ok(&[&["inspect", "out/layer1"], &again[..]].concat());
    fs::create_dir_all(dir.path("bare")).unwrap();
    fs::rename(dir.path("out/layer1"), dir.path("bare/layer1")).unwrap();
    dir.featx_ok(&[&["inspect", "bare"], &again[..]].concat());
    let page = String::from_utf8(dir.read("report.html")).unwrap();
    assert!(page.contains("there is no run.toml"), "{}", &page[..3000]);
}

#[test]
fn odd_folders_have_a_page() {
    let dir = Workdir::new("report_odd");
    dir.python(
        r#"
rng = np.random.default_rng(0)
def part(at, start, end, shape=(8,), **like):
    os.makedirs(at, exist_ok=True)
    rows = rng.normal(size=(end - start, *shape)).astype('f4')
    with open(f'{at}/{like.get("name", f"features_{start:010}-{end:010}.npy")}', 'wb') as file: np.save(file, rows)
part('apart/a', 0, 10); part('apart/b', 10, 20)
part('merging/a', 10, 20); part('merging/a', 0, 10, name='features.npy.merging')
part('torn/a', 0, 10); open('torn/a/features.npy', 'w').write('no array')
part('none/a', 0, 3, (0,))
for layer in range(70): part(f'many/layer{layer}', 0, 120, (1, 32, 32))
open('many/file_names.txt', 'w').write(''.join(f'{"long" * 120}/{row}.jpg\n' for row in range(120)))
"#,
    );
    for (folder, words) in [
        ("apart", "1 of 2 layers lack rows"),
        (
            "merging",
            "holds an interrupted merge; finish it first, with: featx merge",
        ),
        ("torn", "torn/a/features.npy"),
        ("none", "rows of a have no numbers"),
        ("many", "All 120 rows of 70 layers are done."),
    ] {
        let page = format!("{folder}.html");
        let said = dir.featx(&["inspect", folder, "--report", &page, "--quiet"]);
        assert_eq!(said.code, Some(0), "{folder}: {}", said.stderr);
        assert!(
            !said.stderr.contains("panicked"),
            "{folder}: {}",
            said.stderr
        );
        let page = String::from_utf8(dir.read(&page)).unwrap();
        assert!(
            page.contains(words),
            "{folder}: {}",
            &page[..page.len().min(9000)]
        );
        assert!(page.len() < 5_000_000, "{folder}: {} bytes", page.len());
    }
}

#[test]
fn what_has_no_page_is_said() {
    let dir = Workdir::new("report_refused");
    fs::create_dir_all(dir.path("empty")).unwrap();
    dir.python("np.save('a.npy', np.zeros((2, 3)))");
    for (args, code, words) in [
        (
            "empty --report a.html",
            1,
            "'empty' holds nothing to merge or inspect",
        ),
        (
            "a.npy --report a.html",
            2,
            "--report is for run directories, whose rows it shows; 'a.npy' is a file",
        ),
        ("empty --images photos", 2, "--report"),
        (
            "empty --report nosuch/a.html",
            1,
            "'nosuch/a.html' cannot be made: there is no directory 'nosuch'; make it with: mkdir -p nosuch",
        ),
        (
            "empty --report empty",
            1,
            "--report takes the name of a file, and 'empty' is a directory; for example: --report 'empty/report.html'",
        ),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        let said = dir.featx(&[&["inspect"], &args[..]].concat());
        assert_eq!(said.code, Some(code), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert!(!dir.path("a.html").exists());
        for words in CRASHED {
            assert!(!said.stderr.contains(words), "{}", said.stderr);
        }
    }
}
