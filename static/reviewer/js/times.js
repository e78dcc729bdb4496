// Times as this reader has them: ages that stay true while a page is open, and moments in their own zone, by the patterns
// of the server (reviewer/times.py), wherever it wrote them without knowing that zone.

import { texts } from "./texts.js";

const STEPS = [[60, 1, texts.seconds], [3600, 60, texts.minutes], [86400, 3600, texts.hours], [Infinity, 86400, texts.days]];
const MONTHS = texts.months.split(" ");
const DAYS = texts.days.split(" ");
const two = (number) => String(number).padStart(2, "0");

function offset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

// The letters of Django's date formats.
const LETTERS = {
  d: (at) => two(at.getDate()),
  j: (at) => at.getDate(),
  D: (at) => DAYS[(at.getDay() + 6) % 7],
  M: (at) => MONTHS[at.getMonth()],
  Y: (at) => at.getFullYear(),
  H: (at) => two(at.getHours()),
  i: (at) => two(at.getMinutes()),
  s: (at) => two(at.getSeconds()),
  O: offset,
};

function written(at, name) {
  const isToday = at.toDateString() === new Date().toDateString();
  const pattern = name === "row" ? (isToday ? "clock" : "earlier") : name;
  return texts[`at${pattern[0].toUpperCase()}${pattern.slice(1)}`]
    .replace(/\\(.)|([djDMYHisO])/g, (_, plain, letter) => plain ?? LETTERS[letter](at));
}

export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime][title]")) {
    const at = new Date(time.dateTime);
    time.title = written(at, "full");
    if (time.dataset.at) time.textContent = written(at, time.dataset.at);
  }
}

function age(seconds) {
  const [, unit, text] = STEPS.find(([limit]) => seconds < limit);
  return text.replace("{n}", Math.floor(seconds / unit).toLocaleString(document.documentElement.lang));
}

function refresh() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = age(Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000));
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(refresh, 10_000);
document.addEventListener("visibilitychange", refresh);

// The server knows the zone from the cookie that early.js has set, from the second page on.
if (texts.zone !== Intl.DateTimeFormat().resolvedOptions().timeZone) {
  localise(document);
  document.addEventListener("htmx:afterSettle", (event) => localise(event.target));
}
