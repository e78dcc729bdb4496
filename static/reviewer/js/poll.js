// Asks the server what has changed: every 15 seconds where no socket is open, and soon after the socket has
// said that something moved. Where many pages hear that at once it says how many seconds they share (within).

const EVERY_MS = 15_000;
const SOON_MS = 400;

let timer = 0;

function poll() {
  timer = 0;
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll]")) window.htmx.trigger(element, "desk:poll");
}

setInterval(() => document.documentElement.dataset.live === "on" || poll(), EVERY_MS);
document.addEventListener("visibilitychange", poll);
document.addEventListener("live", ({ detail }) => {
  timer ||= setTimeout(poll, SOON_MS + Math.random() * 1000 * (detail?.within ?? 0));
});
