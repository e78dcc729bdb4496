// What has become of each proposed value, word by word, while it is changed. The server shows the same
// (reviewer/diff.py) where this does not run, on every page that it sends back.

import { texts } from "./texts.js";

const TOKENS = /\s+|[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu;
const MOST_COMPARED = 1_000_000;
const CONTEXT = 80;

const tokens = (text) => text.match(TOKENS) ?? [];

function common(one, other) {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

// The longest run of tokens that both have, from the back, so that it can be read from the front.
function lengths(old, now) {
  const width = now.length + 1;
  const table = new Uint32Array((old.length + 1) * width);
  for (let a = old.length - 1; a >= 0; a -= 1) {
    for (let b = now.length - 1; b >= 0; b -= 1) {
      table[a * width + b] = old[a] === now[b]
        ? table[(a + 1) * width + b + 1] + 1
        : Math.max(table[(a + 1) * width + b], table[a * width + b + 1]);
    }
  }
  return (a, b) => table[a * width + b];
}

function between(old, now) {
  if (old.length * now.length > MOST_COMPARED) return [["-", old.join("")], ["+", now.join("")]];
  const left = lengths(old, now);
  const found = [];
  const add = (mark, text) => {
    if (found.at(-1)?.[0] === mark) found.at(-1)[1] += text;
    else found.push([mark, text]);
  };
  let a = 0;
  let b = 0;
  while (a < old.length || b < now.length) {
    if (a < old.length && b < now.length && old[a] === now[b]) { add("=", old[a]); a += 1; b += 1; }
    else if (b === now.length || (a < old.length && left(a + 1, b) >= left(a, b + 1))) { add("-", old[a]); a += 1; }
    else { add("+", now[b]); b += 1; }
  }
  return found;
}

const cut = (text) => text.length <= 2 * CONTEXT + 20 ? text : `${text.slice(0, CONTEXT)} … ${text.slice(-CONTEXT)}`;

export function words(before, after) {
  if (before === after) return [];
  const [old, now] = [tokens(before), tokens(after)];
  const start = common(old, now);
  const end = common(old.slice(start).reverse(), now.slice(start).reverse());
  const middle = between(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [["=", old.slice(0, start).join("")], ...middle, ["=", old.slice(old.length - end).join("")]]
    .filter(([, text]) => text)
    .map(([mark, text]) => [mark, mark === "=" ? cut(text) : text]);
}

// What a person sees in a field (reviewer/forms/fields.py: as_text).
function seen(field) {
  const controls = [...field.querySelectorAll("input, select, textarea")];
  const label = (one) => one.closest("label")?.textContent.trim() ?? "";
  if (controls[0]?.tagName === "SELECT") return [...controls[0].selectedOptions].map((one) => one.text).join(", ");
  if (controls[0]?.type === "checkbox" && controls.length === 1 && !field.matches("fieldset")) {
    return controls[0].checked ? texts.yes : texts.no;
  }
  if (["checkbox", "radio"].includes(controls[0]?.type)) {
    return controls.filter((one) => one.checked).map(label).join(", ");
  }
  return controls[0]?.value ?? "";
}

const NAMES = { "-": "del", "+": "ins", "=": "span" };

function show(field) {
  const segments = words(field.dataset.proposed.replaceAll("\r\n", "\n"), seen(field));
  const pieces = segments.map(([mark, text]) => Object.assign(document.createElement(NAMES[mark]), { textContent: text }));
  const shown = field.querySelector("[data-diff]");
  shown.querySelector("[data-words]").replaceChildren(...pieces);
  shown.hidden = !segments.length;
  field.toggleAttribute("data-changed", segments.length > 0);
}

function changed(event) {
  const field = event.target.closest?.("[data-proposed]");
  if (!field) return;
  show(field);
  field.dispatchEvent(new CustomEvent("proposal:changed", { bubbles: true }));
}

// The browser may have kept what was typed before a reload.
for (const field of document.querySelectorAll("[data-proposed]")) show(field);
document.addEventListener("input", changed);
document.addEventListener("change", changed);
document.addEventListener("htmx:afterSettle", (event) => event.target.querySelectorAll?.("[data-proposed]").forEach(show));
