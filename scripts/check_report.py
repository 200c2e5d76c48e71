#!/usr/bin/env python3
"""Open a page that `featx inspect --report` made in Chromium, as people do: is everything there, light and dark, from 400 to
1,600 pixels wide, without an error, a request or sideways scrolling; can its text be read; does the pointer, and do the arrow
keys, show a picture; does it print?

Chromium is Debian's, Playwright drives it. Root gets it installed; where it cannot be, this says so and exits with 0. Without
a page, one is made of the project's photos.

examples:
  scripts/check_report.py
  scripts/check_report.py report.html --screenshots docs/pictures
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from zoo.small import small_model
from zoo.venv import ROOT, debian_program, find_featx, use_project_python

WIDTHS = (400, 800, 1200, 1600)
SCHEMES = ("light", "dark")
PICTURED = {("light", 1200): "#layer-1", ("dark", 400): "#run"}
# What Chromium would send on its own.
ALONE = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run"]
# Of large text and of other: WCAG 2.1, 1.4.3.
READABLE = 4.5
# Every piece of text whose colour is too near to what is behind it.
FAINT = """(readable) => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.closest("svg")) continue;
    const [a, b] = [numbers(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < readable) faint.push(`${element.tagName} ${contrast.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return faint;
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, nargs="?", help="default: one that is made")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="keep two: wide and light, narrow and dark")
    parser.add_argument("--chromium", metavar="PROGRAM", help="default: that on the PATH")
    args = parser.parse_args()
    use_project_python()
    chromium = args.chromium or debian_program("chromium", "chromium")
    if not chromium:
        return
    from playwright.sync_api import sync_playwright
    with tempfile.TemporaryDirectory(prefix="featx-report-") as folder, sync_playwright() as playwright:
        page = args.page or make_page(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ALONE, "--no-sandbox", "--disable-gpu"])
        for scheme in SCHEMES:
            for width in WIDTHS:
                check_look(browser, page, scheme, width, args.screenshots)
        check_pointer(browser, page)
        check_print(browser, page)
        browser.close()
    print("everything is as it should be")


def make_page(folder):
    """Of photos of the project, in two folders; no weights are fetched."""
    featx = Path(find_featx() or sys.exit("error: featx is not built (cargo build)")).resolve()
    model = small_model()
    for name, file in (("resnet.pt", model), ("resnet.toml", model.with_suffix(".toml")), ("photos", ROOT / "tests/photos")):
        (folder / name).symlink_to(file)
    run = "extract --model resnet.pt --layer layer1 --layer fc --out run --batch-size 2 photos"
    for command in (run, "inspect run --report report.html"):
        subprocess.run([featx, *command.split()], check=True, cwd=folder)
    return folder / "report.html"


def opened(browser, page, **options):
    """The page in a window of its own, and what went wrong in it so far."""
    window = browser.new_page(**options)
    wrong = []
    window.on("console", lambda message: wrong.append(f"console: {message.text}"))
    window.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    window.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(f"request: {request.url}"))
    window.goto(page.resolve().as_uri())
    return window, wrong


def check_look(browser, page, scheme, width, screenshots):
    window, wrong = opened(browser, page, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for summary in window.locator("details > summary").all():
        summary.click()
    scrolls = window.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    charts = window.locator("figure svg[role=img]").count()
    hidden = window.evaluate("""[...document.querySelectorAll('main figure svg[role=img], main img')]
        .filter((chart) => chart.getBoundingClientRect().width < 20).length""")
    faint = window.evaluate(FAINT, READABLE)
    assert not wrong, wrong
    assert scrolls <= 0, f"{width} pixels wide, {scheme}: {scrolls} pixels stick out"
    assert charts >= 3 and not hidden, f"{charts} charts, {hidden} of no size"
    assert not faint, f"{scheme}: cannot be read: {faint[:5]}"
    print(f"{scheme}, {width} pixels: {charts} charts")
    if screenshots and (part := PICTURED.get((scheme, width))):
        screenshots.mkdir(parents=True, exist_ok=True)
        window.reload()
        window.evaluate("(part) => document.querySelector(part).scrollIntoView()", part)
        window.screenshot(path=screenshots / f"report_{scheme}.jpg", type="jpeg", quality=60)
    window.close()


def check_pointer(browser, page):
    window, wrong = opened(browser, page, viewport={"width": 1200, "height": 900})
    scatter, tip = window.locator(".scatter").first, window.locator("#tip")
    circles = scatter.locator("circle")
    assert tip.is_hidden()
    circles.nth(1).scroll_into_view_if_needed()
    circles.nth(1).hover()
    by_pointer = tip.inner_text()
    assert tip.is_visible() and tip.locator("svg").count() == 1 and " · " in by_pointer, by_pointer
    row = scatter.get_attribute("data-rows").split()[1]
    assert by_pointer.startswith(row + " "), (by_pointer, row)
    window.mouse.move(0, 0)
    assert tip.is_hidden()
    scatter.focus()
    window.keyboard.press("ArrowRight")
    window.keyboard.press("ArrowRight")
    assert tip.inner_text() == by_pointer, (tip.inner_text(), by_pointer)
    window.keyboard.press("Escape")
    assert tip.is_hidden() and not wrong, wrong
    print(f"pointer and keys: {by_pointer}")
    window.close()


def check_print(browser, page):
    window, wrong = opened(browser, page)
    pdf = window.pdf(format="A4")
    assert pdf.startswith(b"%PDF-") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 1 and not wrong, wrong
    print(f"printed: {len(pdf):,} bytes")
    window.close()


if __name__ == "__main__":
    main()
