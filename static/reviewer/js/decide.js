// Deciding about proposed actions. Without this the server says the same: what is missing, and where.

import { plural, texts } from "./texts.js";

const SPOKEN = ["respond", "reject"];

const changes = (scope) => scope.querySelectorAll("[data-proposed][data-changed]").length;
const actions = (form) => [...form.querySelectorAll("[data-action]")];
const chosen = (action) => action.querySelector("[data-decision] input:checked")?.value ?? "";

function open(details) {
  if (!details) return false;
  details.open = true;
  details.querySelector("input:not([type=hidden]), textarea, select")?.focus();
  return true;
}

// Edit without a change, and Respond without words, open the place for them instead of sending nothing.
function press(event) {
  const button = event.target.closest(".bar button[data-decides]");
  const form = button?.form;
  if (!form?.querySelector("[data-action]")) return;
  const isEmptyEdit = button.value === "edit" && !changes(form);
  const words = form.querySelector("[data-words-for] textarea");
  const isSilent = button.value === "respond" && !words?.value.trim();
  if (isEmptyEdit ? open(form.querySelector("[data-edit]")) : isSilent && open(words?.closest("details"))) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

// One action: what was changed is sent by Edit, and the accent says so.
function accent(form) {
  const buttons = [...form.querySelectorAll(".bar button[data-decides]")];
  const edit = buttons.find((one) => one.value === "edit");
  if (!edit) return;
  const count = changes(form);
  edit.querySelector("[data-label]").textContent = count ? plural(texts.send, count) : texts.edit;
  const approve = buttons.find((one) => one.value === "approve");
  if (approve) approve.disabled = count > 0;
  const first = count ? edit : buttons[0];
  for (const one of buttons) {
    one.classList.toggle("primary", one === first);
    one.classList.toggle("choice", one !== first);
  }
}

// Several: a change chooses Edit, unless something was chosen already.
function choose(action) {
  const edit = action?.querySelector("[data-decision] input[value=edit]");
  if (edit && changes(action) && ["", "approve"].includes(chosen(action))) {
    edit.checked = true;
    progress(edit.form);
  }
}

function unfold(action) {
  const decision = chosen(action);
  if (decision === "edit") open(action.querySelector("[data-edit]"));
  else if (SPOKEN.includes(decision)) open(action.querySelector("[data-words-for]"));
}

function progress(form) {
  const line = form.querySelector("[data-progress]");
  if (!line) return;
  const all = actions(form);
  const decided = all.filter(chosen).length;
  line.querySelector("[data-decided]").textContent = decided;
  const rest = form.querySelector(".bar button[name=rest]");
  if (rest) rest.hidden = decided === all.length;
}

document.addEventListener("click", press, { capture: true });
document.addEventListener("proposal:changed", (event) => {
  const form = event.target.closest("form");
  if (!form?.querySelector("[data-action]")) return;
  accent(form);
  choose(event.target.closest("[data-action]"));
});
document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-decision]")) return;
  // The arrow keys walk through the choices: the focus goes away only for somebody who points.
  if (!event.target.matches(":focus-visible")) unfold(event.target.closest("[data-action]"));
  progress(event.target.form);
});

function ready() {
  for (const form of document.querySelectorAll("form[data-answer]")) {
    accent(form);
    progress(form);
  }
}
document.addEventListener("htmx:afterSettle", ready);
addEventListener("load", ready);
