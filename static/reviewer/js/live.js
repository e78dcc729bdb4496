// Keeps a page as the server knows it. The page says what it follows and up to where (data-seq); the server
// sends rendered rows, each with the id of its place and the seq of its last change. What is known already is
// left alone, so anything may arrive twice. The journal is asked again after every gap: a reload, a nap, a
// lost socket. Where no socket can be opened the same rows are polled over HTTP.

import { show } from "./place.js";

const QUIET_MS = 1500;    // how long a socket may be away before the page says so
const ANSWER_MS = 6000;   // how long a live socket may take to answer
const POLL_MS = 2000;
const SIGNED_OUT = 4401;

const root = document.querySelector("[data-live-socket]");
const thread = document.querySelector("[data-live-thread]");
const queue = document.querySelector("[data-live-queue]");
const beside = document.querySelector("[data-question]");
const pause = (paused) => document.querySelector("[data-live-banner]")?.toggleAttribute("hidden", !paused);

let socket = null;
let told = false;
let failures = 0;
let retryTimer = 0;
let bannerTimer = 0;
let pollTimer = 0;
let answerTimer = 0;

function take(message) {
  if (message.html) show(message.html);
  if (message.thread && thread && message.seq > Number(thread.dataset.seq)) thread.dataset.seq = message.seq;
  const first = !told && message.queue;
  told ||= Boolean(first);
  if (message.html && !message.thread) return;
  if (!first || message.queue.new || message.queue.gone) moved(message);
}

// What is no row of a timeline, the page fetches for itself when it hears this.
function moved(message) {
  document.dispatchEvent(new CustomEvent("live", { detail: message }));
}

function subscriptions() {
  const wanted = [];
  if (thread) wanted.push({ thread: thread.dataset.liveThread, after: Number(thread.dataset.seq) });
  if (beside) wanted.push({ question: beside.dataset.question });
  if (queue) {
    const shown = [...queue.querySelectorAll("[id^='q-']")].map((row) => row.id.slice(2));
    const groups = [...queue.querySelectorAll("[name=group]")].map((mark) => mark.value);
    wanted.push({ queue: { ...Object.fromEntries(new URLSearchParams(queue.dataset.liveQueue)), shown, groups } });
  }
  return wanted;
}

// Every subscription is answered, so silence means that the socket is dead and nobody has noticed.
function subscribe() {
  for (const wanted of subscriptions()) socket.send(JSON.stringify(wanted));
  clearTimeout(answerTimer);
  answerTimer = setTimeout(down, ANSWER_MS);
}

function connect() {
  clearTimeout(retryTimer);
  const address = new URL(root.dataset.liveSocket, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const mine = socket = new WebSocket(address);
  mine.onopen = () => mine === socket && subscribe();
  mine.onmessage = (event) => {
    if (mine !== socket) return;
    clearTimeout(answerTimer);
    up();
    take(JSON.parse(event.data));
  };
  mine.onclose = (event) => mine === socket && down(event.code);
}

function up() {
  failures = 0;
  clearTimeout(bannerTimer);
  clearInterval(pollTimer);
  bannerTimer = pollTimer = 0;
  pause(false);
  document.documentElement.dataset.live = "on";
}

async function down(code) {
  const dead = socket;
  socket = null;
  dead?.close();
  clearTimeout(answerTimer);
  delete document.documentElement.dataset.live;
  if (code === SIGNED_OUT) {
    moved({});
    if (!thread || !(await poll())) return;
  }
  failures += 1;
  bannerTimer ||= setTimeout(() => pause(true), QUIET_MS);
  if (failures >= 2) pollTimer ||= setInterval(() => document.hidden || poll(), POLL_MS);
  // Full jitter: a thousand pages do not come back at the same moment.
  retryTimer = setTimeout(connect, Math.random() * Math.min(30_000, 500 * 2 ** failures) + 100);
}

// False when the page is signed out: then there is nothing to come back to.
async function poll() {
  if (!thread) return true;
  try {
    const address = `${thread.dataset.livePoll}?after=${thread.dataset.seq}`;
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (answer.status === 401 || answer.status === 403) return signedOut();
    if (answer.status === 200) {
      const html = await answer.text();
      take({ thread: thread.dataset.liveThread, seq: Number(answer.headers.get("X-Live-Seq")), html });
    }
    pause(!answer.ok);
  } catch { pause(true); }
  return true;
}

function signedOut() {
  up();
  document.querySelector("[data-live-signed-out]")?.removeAttribute("hidden");
  return false;
}

function awake() {
  if (document.hidden) return;
  if (socket?.readyState === WebSocket.OPEN) subscribe();
  else if (socket?.readyState !== WebSocket.CONNECTING) connect();
}

if (root) {
  connect();
  document.addEventListener("visibilitychange", awake);
  addEventListener("online", awake);
  addEventListener("pageshow", (event) => event.persisted && awake());
}
