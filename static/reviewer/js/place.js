// Puts rows that the server rendered where they belong: in the place of the row that bears their id, or at the
// end of the list that they name (data-in). What is as new already stays as it is.

export function show(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  for (const fresh of [...box.content.children]) {
    place(fresh);
    if (fresh.isConnected) window.htmx?.process(fresh);
  }
}

function place(fresh) {
  const old = document.getElementById(fresh.id);
  if (fresh.hasAttribute("data-gone")) return old && leave(old);
  if (!old) return document.getElementById(fresh.dataset.in)?.append(fresh);
  if (Number(fresh.dataset.seq) < Number(old.dataset.seq)) return;
  if (old.innerHTML === fresh.innerHTML && old.className === fresh.className) {
    Object.assign(old.dataset, fresh.dataset);
    return;
  }
  keepAsLeft(old, fresh);
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

// A row that is under the pointer or the focus goes when it is no longer, so that nothing moves below a hand.
function leave(row) {
  row.classList.add("is-gone");
  row.removeAttribute("id");
  const list = row.parentElement;
  const go = () => {
    if (list?.matches(":hover, :focus-within")) setTimeout(go, 1000);
    else row.remove();
  };
  setTimeout(go, row.matches("li") ? 1000 : 0);
}
