// Selecting rows: x on the row with the focus, Shift+J and Shift+K to go on selecting, and how many are selected.
// Without this the boxes and the button work all the same.

const list = document.getElementById("queue-list");
const bar = document.getElementById("queue-selected");
const boxes = () => [...list.querySelectorAll("input[name=pick]")];

function standsFor(box) {
  return Number(box.closest("li").querySelector("[name=group]")?.value.split(":")[2] ?? 1);
}

function count() {
  // A row of a group counts for all that it stands for.
  const chosen = boxes().filter((box) => box.checked).reduce((sum, box) => sum + standsFor(box), 0);
  bar.dataset.count = String(chosen);
  bar.querySelector("[data-chosen]").textContent = String(chosen);
}

function box(row) {
  return row?.querySelector("input[name=pick]");
}

function current() {
  return document.activeElement?.closest("#queue-list > li");
}

function toggle() {
  const mine = box(current());
  if (!mine) return false;
  mine.checked = !mine.checked;
  count();
  return true;
}

function extend(step) {
  const row = current();
  const next = step > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  for (const one of [row, next]) if (box(one)) box(one).checked = true;
  next?.querySelector("a")?.focus();
  count();
  return Boolean(row);
}

const KEYS = { x: toggle, J: () => extend(1), K: () => extend(-1) };

list.addEventListener("change", count);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.documentElement.dataset.keys === "off" || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (KEYS[event.key]?.()) event.preventDefault();
});
addEventListener("pageshow", count);
