// Answers that can still be undone: how long, to the second, and gone when the time is over. The server keeps the time;
// what is shown here may be late by the clocks' difference, and then the server says so.

import { texts } from "./texts.js";

const holder = document.getElementById("held");

function tick() {
  for (const form of holder.querySelectorAll("[data-held]")) {
    const left = Math.ceil((new Date(form.dataset.held) - Date.now()) / 1000);
    if (left > 0) form.querySelector("[data-left]").textContent = texts.seconds.replace("{n}", left);
    else if (!form.contains(document.activeElement)) form.remove();
    else form.querySelector("[data-left]").textContent = texts.over;
  }
  tidy();
  if (holder.childElementCount) setTimeout(tick, 250);
}

// What stands for several goes with the last of them.
function tidy() {
  const left = holder.querySelectorAll("[data-held]").length;
  for (const one of holder.querySelectorAll(".held-all")) if (!left && !one.contains(document.activeElement)) one.remove();
  for (const one of holder.querySelectorAll(".held-rest")) if (!one.querySelector("form")) one.remove();
}

tick();
