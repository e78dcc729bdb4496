// The command palette (Ctrl+K, ⌘K): everything on this page that can be gone to or done, by its words. What it lists are
// the page's own links and buttons (data-key, data-go, data-command), and what it does is to press them.

const dialog = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
const none = dialog?.querySelector("[data-palette-none]");
const SOURCES = "[data-go], [data-command], [data-key], [data-help], [data-theme-next], [data-rows] > li:not(.is-gone) a:first-of-type, .menu a, .menu button";

let commands = [];
let shown = [];
let at = 0;

// A label of its own, else the words on it without the keys printed there.
function label(element) {
  if (element.dataset.command) return element.dataset.command;
  const copy = element.cloneNode(true);
  for (const extra of copy.querySelectorAll("kbd, [aria-hidden=true]")) extra.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

function gather() {
  const usable = [...document.querySelectorAll(SOURCES)].filter((one) => !one.disabled && !dialog.contains(one));
  // What this page is for comes first.
  const main = document.getElementById("main");
  usable.sort((one, other) => main.contains(other) - main.contains(one));
  const named = usable.map((element) => ({ element, label: label(element), key: element.dataset.key ?? "" }));
  return named.filter((one, index) => one.label && named.findIndex((other) => other.element === one.element) === index);
}

const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

function matches(command) {
  const text = command.label.toLowerCase();
  return words(input.value).every((word) => text.includes(word));
}

function option(command, index) {
  const item = document.createElement("li");
  item.id = `palette-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", String(index === at));
  item.append(command.label);
  if (command.key) {
    const key = document.createElement("kbd");
    key.textContent = command.key.split(" ")[0];
    item.append(key);
  }
  return item;
}

function draw() {
  shown = commands.filter(matches).slice(0, 50);
  at = Math.min(at, Math.max(0, shown.length - 1));
  list.replaceChildren(...shown.map(option));
  none.hidden = shown.length > 0;
  input.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
  list.children[at]?.scrollIntoView({ block: "nearest" });
}

function open() {
  if (!dialog || dialog.open || document.querySelector("dialog[open]")) return;
  commands = gather();
  input.value = "";
  at = 0;
  dialog.showModal();
  draw();
}

function run() {
  const command = shown[at];
  dialog.close();
  if (command) return command.element.click();
  const queue = document.querySelector("[data-go=i]");
  if (queue && input.value.trim()) location.assign(`${queue.href}?q=${encodeURIComponent(input.value.trim())}`);
}

function move(step) {
  if (shown.length) at = (at + step + shown.length) % shown.length;
  draw();
}

const KEYS = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: run };

input?.addEventListener("input", () => { at = 0; draw(); });
input?.addEventListener("keydown", (event) => {
  if (event.isComposing || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
list?.addEventListener("click", (event) => {
  at = [...list.children].indexOf(event.target.closest("li"));
  if (at >= 0) run();
});
dialog?.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
document.querySelector("[data-palette]")?.addEventListener("click", open);
