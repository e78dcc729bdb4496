// What forms need beyond HTML. The server is the truth: all this may be missing, and nothing goes wrong.

const flash = document.getElementById("flash");

function cookie(name) {
  return document.cookie.split("; ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
}

// A sign-in in another tab has changed the token since this page was drawn.
document.addEventListener("htmx:configRequest", (event) => {
  const token = cookie("csrftoken");
  if (token && event.detail.verb !== "get") event.detail.parameters.csrfmiddlewaretoken = token;
});

// What was taken leads to another page. Until that is there, the buttons of this one work again, but nobody means them.
let leaving = false;
document.addEventListener("htmx:beforeOnLoad", (event) => {
  leaving ||= Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (leaving && event.detail.requestConfig.verb !== "get") event.preventDefault();
});
addEventListener("pageshow", () => { leaving = false; });

// A draft says so in its own place, so that nothing moves under the hand that types, and is sent again by itself.
const AGAIN_MS = 4000;
let again = 0;
function unkept(draft) {
  const said = document.createElement("span");
  Object.assign(said, { className: "bad", role: "status", textContent: draft.dataset.unkept });
  if (draft.textContent !== said.textContent) draft.replaceChildren(said);
  clearTimeout(again);
  again = setTimeout(() => draft.isConnected && window.htmx.trigger(draft, "desk:again"), AGAIN_MS);
}

function unreachable(element) {
  if (element?.matches("[data-draft]")) return unkept(element);
  flash.replaceChildren(document.getElementById("unreachable").content.cloneNode(true));
  flash.scrollIntoView({ block: "center" });
}

// Errors that carry their own place (HX-Retarget) are ours and are shown there; the form stays as it is. Any
// other error page comes from something in between. A failed poll says nothing: the next one will do.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const { status } = xhr;
  if (status < 400 || status === 409 || status === 422) return;
  const isPoll = requestConfig.verb === "get" && status >= 500;
  const isOurs = Boolean(xhr.getResponseHeader("HX-Retarget"));
  event.detail.shouldSwap = isOurs && !isPoll;
  event.detail.isError = false;
  if (!isOurs && !isPoll) unreachable(event.detail.elt);
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.requestConfig?.verb !== "get") unreachable(event.detail.elt);
  });
}

// Forms without htmx: one submit is enough. Back from the page cache, the buttons work again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("hx-post") || form.method !== "post" || event.defaultPrevented) return;
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("main button").forEach((button) => { button.disabled = false; });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value);
  } catch {
    // No clipboard without HTTPS: show the text selected, ready for the key.
    source.hidden = false;
    source.select();
    return;
  }
  button.textContent = button.dataset.copied;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.preventDefault();
}, { capture: true });

// A menu that a key or a command has opened takes the cursor; one that was clicked has it already.
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches("details.menu[open]") || menu.contains(document.activeElement)) return;
  menu.querySelector(":is(a, button, input, select, textarea):not([type=hidden])")?.focus();
}, true);

// Where an address names a menu, as h on a row of the queue does, it stands open.
const named = document.getElementById(location.hash.slice(1));
if (named?.matches("details.menu")) addEventListener("load", () => setTimeout(() => { named.open = true; }));
