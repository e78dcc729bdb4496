// Puts rows that the server rendered where they belong: in the place of the row that bears their id, or at the
// end of the list that they name (data-in). What is as new already stays as it is.

import { localise } from "./times.js";

export function show(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  // They are rendered once for many readers, in many zones.
  localise(box.content);
  for (const fresh of [...box.content.children]) {
    place(fresh);
    if (fresh.isConnected) window.htmx?.process(fresh);
  }
}

function place(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old) return document.getElementById(fresh.dataset.in)?.append(fresh);
  if (Number(fresh.dataset.seq) < Number(old.dataset.seq)) return;
  if (bare(old) === bare(fresh)) Object.assign(old.dataset, fresh.dataset);
  else keepAsLeft(old, fresh);
}

// What an element says, without what the page itself changes: times, and what is unfolded. Replacing an
// element that says the same would have it read out again.
function bare(element) {
  const copy = element.cloneNode(true);
  for (const time of copy.querySelectorAll("time[title]")) time.textContent = time.title = "";
  for (const details of copy.querySelectorAll("details")) details.open = false;
  return copy.innerHTML;
}

// What was unfolded stays unfolded, and the focus stays where it was.
function keepAsLeft(old, fresh) {
  const focusable = "a[href], summary, [tabindex]";
  const focused = [...old.querySelectorAll(focusable)].indexOf(document.activeElement);
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, index) => { one.open = open[index] ?? one.open; });
  old.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
}
