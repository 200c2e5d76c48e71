// The picture and the name of a point, under the pointer or by the arrow keys.
"use strict";
const tip = document.getElementById("tip");
const SVG = "http://www.w3.org/2000/svg";

function show(circle, row) {
  const line = document.getElementById("row-" + row);
  tip.replaceChildren();
  if (document.getElementById("s" + row)) {
    const picture = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", "#s" + row);
    picture.append(use);
    tip.append(picture);
  }
  tip.append(row + " · " + (line ? line.cells[1].textContent : ""));
  tip.hidden = false;
  const place = circle.getBoundingClientRect();
  const left = Math.min(place.right + 8, innerWidth - tip.offsetWidth - 8);
  const top = Math.min(place.bottom + 8, innerHeight - tip.offsetHeight - 8);
  tip.style.left = Math.max(0, left) + "px";
  tip.style.top = Math.max(0, top) + "px";
}

for (const chart of document.querySelectorAll(".scatter")) {
  const rows = chart.dataset.rows.split(" ");
  const circles = [...chart.querySelectorAll("circle")];
  let here = -1;
  const go = (at) => {
    circles[here]?.classList.remove("here");
    here = at;
    circles[here]?.classList.add("here");
    if (circles[here]) show(circles[here], rows[here]);
    else tip.hidden = true;
  };
  circles.forEach((circle, at) => circle.addEventListener("pointerenter", () => go(at)));
  chart.addEventListener("pointerleave", () => go(-1));
  chart.addEventListener("blur", () => go(-1));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") go(-1);
    if (!step) return;
    event.preventDefault();
    const from = here < 0 && step < 0 ? 0 : here;
    go((from + step + circles.length) % circles.length);
  });
}
