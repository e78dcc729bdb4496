// Keys. Single keys act outside fields only and can be switched off in the settings; Ctrl+Enter acts always.

const html = document.documentElement;
const help = document.getElementById("help");
const FIELDS = "input:not([type=checkbox], [type=radio], [type=hidden]), textarea, select, [contenteditable]";

// A key that is held down walks on, but decides once: the next page was not read yet.
const HELD_DOWN = ["j", "k", "ArrowDown", "ArrowUp"];

let pending = "";
let pendingTimer = 0;

const rows = () => [...document.querySelectorAll("[data-rows] > li a:first-of-type")]
  .filter((link) => !link.closest(".is-gone"));

function move(step) {
  const links = rows();
  if (!links.length) return false;
  const row = document.activeElement?.closest("[data-rows] > li");
  const at = links.findIndex((link) => row?.contains(link));
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next].focus();
  links[next].closest("li").scrollIntoView({ block: "nearest" });
  return true;
}

function follow(selector) {
  const link = document.querySelector(selector);
  link?.click();
  return Boolean(link);
}

function open() {
  const row = document.activeElement?.closest("[data-rows] > li");
  row?.querySelector("a")?.click();
  return Boolean(row);
}

// Its question's page asks how long, and leads back here.
function snooze() {
  const row = document.activeElement?.closest("#queue-list > [id^=q-]:not(.is-gone)");
  if (row) location.assign(`${row.querySelector("a").href}#snooze`);
  return Boolean(row);
}

// The browser gives the focus to the field that the fragment names.
function searchQueue() {
  const queue = document.querySelector("[data-go=i]");
  if (queue) location.assign(`${queue.href}#filter-q`);
  return Boolean(queue);
}

function search() {
  const field = document.querySelector("[data-search]");
  if (!field) return searchQueue();
  field.focus();
  field.select();
  return true;
}

// Whatever on the page bears the key (data-key, several of them apart by spaces) is pressed by it.
function pressed(key) {
  const named = [...document.querySelectorAll("[data-key]")];
  const target = named.find((one) => one.dataset.key.split(" ").includes(key) && !one.disabled && one.checkVisibility());
  if (!target) return false;
  target.scrollIntoView({ block: "nearest" });
  target.click();
  return true;
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  o: open,
  h: snooze,
  u: () => follow("[data-back]"),
  Escape: () => follow("[data-back]"),
  "/": search,
  "?": () => { help.showModal(); return true; },
  "g i": () => follow("[data-go=i]"),
  "g r": () => follow("[data-go=r]"),
};

// The button of the group that the cursor is in; else the accented one, or the only one. Never a guess.
function sender(field) {
  const buttons = [...field.closest("form")?.querySelectorAll(":is(.bar, [data-sends]) button") ?? []];
  const group = field.closest("[data-branch]");
  if (group) return buttons.find((button) => button.value === group.dataset.branch);
  return buttons.find((button) => button.matches(".primary")) ?? (buttons.length === 1 ? buttons[0] : null);
}

function submit(event) {
  const button = sender(event.target);
  if (!button || button.disabled) return;
  event.preventDefault();
  // A click, since htmx sends the value of the button that was clicked.
  button.click();
}

function leaveField(event) {
  if (event.key !== "Escape") return;
  event.target.blur();
  event.preventDefault();
}

function press(event) {
  const name = pending ? `${pending} ${event.key}` : event.key;
  clearTimeout(pendingTimer);
  pending = "";
  if (name === "g") {
    pending = "g";
    pendingTimer = setTimeout(() => { pending = ""; }, 1000);
  } else if (KEYS[name]?.() || pressed(name)) {
    event.preventDefault();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return event.repeat || submit(event);
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches(FIELDS)) return leaveField(event);
  if (html.dataset.keys === "off" || (event.repeat && !HELD_DOWN.includes(event.key))) return;
  press(event);
});

document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
