// Runs before anything is drawn, so that nothing moves when what needs JavaScript appears, and the next page is drawn in
// this reader's time zone.
document.documentElement.dataset.js = "";
document.cookie = `desk_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;

// The second click of a double click may fall on the next page, on a button that nobody has read there: it does nothing.
// What stands above the content is the same on every page.
const UNREAD_MS = 500;
const SAME_PLACE_PX = 16;
// Where the page before this one was clicked last.
const before = (sessionStorage.clicked ?? "").split(" ").map(Number);
sessionStorage.removeItem("clicked");
let drawn = Infinity;
addEventListener("DOMContentLoaded", () => { drawn = performance.now(); });
addEventListener("click", (event) => {
  if (!event.detail) return;
  const place = [event.screenX, event.screenY];
  sessionStorage.clicked = place.join(" ");
  const isUnread = !(performance.now() - drawn > UNREAD_MS);
  if (!isUnread || !event.target.closest("main button") || place.some((at, axis) => !(Math.abs(at - before[axis]) < SAME_PLACE_PX))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });
