// Rows of the queue: where the cursor comes back to, and how a settled row leaves.

const LEAVE_MS = 5000;
const list = document.getElementById("queue-list");

// Rows below must not move under a hand or a cursor: a settled row goes when nobody is on the list.
function leave(row) {
  if (list.matches(":hover, :focus-within")) setTimeout(leave, 1000, row);
  else row.remove();
}

function neighbour(row) {
  const rows = [...list.querySelectorAll("li:not(.is-gone)")];
  const at = rows.indexOf(row);
  return rows[at + 1] ?? rows[at - 1];
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const row = event.detail.target;
  if (list?.contains(row) && row.contains(document.activeElement)) neighbour(row)?.querySelector("a")?.focus();
});

// Looked at only when its time is up: htmx gives a new row its class a moment after it is in its place.
new MutationObserver((changes) => {
  for (const row of changes.flatMap((change) => [...change.addedNodes])) {
    setTimeout(() => row.matches?.(".is-gone") && leave(row), LEAVE_MS);
  }
}).observe(list, { childList: true });

// After the browser's own step to the fragment, which would take the focus away from the link again.
function arrive() {
  if (!location.hash.startsWith("#q-")) return;
  document.getElementById(location.hash.slice(1))?.querySelector("a")?.focus({ preventScroll: true });
}

addEventListener("load", () => setTimeout(arrive));
