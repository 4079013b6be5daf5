// Sound, time and hands: playing, seeking, zooming, following, keys.

const audio = new Audio();
const player = { time: 0, ready: false, cursor: -1, follow: true, adrift: false, placed: 0 };
const playButton = byId("play"), playhead = byId("playhead"), status = byId("status");
const proxies = [...document.querySelectorAll(".turn-focus")];

/** Decode base64 in slices, yielding between them: an hour of sound is some twenty million letters. */
async function bytesOf(text) {
  const slice = 4 << 20; // a multiple of 4, so that each slice stands alone
  const parts = [];
  for (let at = 0; at < text.length; at += slice) {
    const letters = atob(text.slice(at, at + slice)), bytes = new Uint8Array(letters.length);
    for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
    parts.push(bytes);
    if (at + slice < text.length) await new Promise((resume) => setTimeout(resume, 0));
  }
  return parts;
}

/** The sound stands at the end of the file, behind everything the page needs to draw itself. */
async function loadSound() {
  const kept = JSON.parse(byId("sound").textContent);
  sound.bucket = kept.bucket;
  sound.peaks = await Promise.all(kept.peaks.map(async (text) => (await bytesOf(text))[0] ?? new Uint8Array()));
  sound.loudest = sound.peaks.reduce((most, peaks) => peaks.reduce((one, two) => Math.max(one, two), most), 1);
  view.strip = null;
  redraw();
  if (!data.audio) {
    byId("choose").hidden = false;
    return;
  }
  status.textContent = "Preparing the sound…";
  const parts = [...(await bytesOf(kept.head)), ...(await bytesOf(byId("audio").textContent))];
  listenTo(new Blob(parts, { type: "audio/mpeg" }));
  status.textContent = "";
}

function listenTo(blob) {
  audio.src = URL.createObjectURL(blob);
  audio.preload = "auto";
  audio.playbackRate = Number(byId("speed").value);
  player.ready = true;
  playButton.disabled = false;
  seek(player.time);
}

function toggle() {
  if (!player.ready) return;
  if (audio.paused) play();
  else audio.pause();
}

function play() {
  if (player.ready) audio.play().catch((problem) => (status.textContent = `The sound cannot be played: ${problem.message}`));
}

function seek(time) {
  player.time = Math.max(0, Math.min(time, data.duration));
  if (player.ready) audio.currentTime = player.time;
  player.adrift = false;
  keepInView(player.time * view.scale);
  showTime();
}

function playFrom(time) {
  seek(time);
  play();
}

/** Whether the view goes along with the sound: it does unless the reader forbids it, or has scrolled away. */
function following() {
  return player.follow && !player.adrift;
}

function showFollow() {
  byId("follow").setAttribute("aria-pressed", String(following()));
}

/** Bring everything that shows the present moment in step with it. */
function showTime() {
  byId("now").textContent = clock(player.time);
  overview.setAttribute("aria-valuenow", player.time.toFixed(1));
  overview.setAttribute("aria-valuetext", `${clock(player.time)} of ${clock(data.duration)}`);
  playhead.style.transform = `translateX(${player.time * view.scale}px)`;
  if (following()) keepInView(player.time * view.scale);
  showFollow();
  const now = turnsAt(player.time);
  if (now.length !== view.active.size || now.some((index) => !view.active.has(index))) changeTurns(now);
  drawOverview();
}

function changeTurns(now) {
  for (const index of view.active) rowsOf[index]?.removeAttribute("aria-current");
  view.active = new Set(now);
  for (const index of now) rowsOf[index]?.setAttribute("aria-current", "true");
  if (now.length) {
    const latest = now.reduce((one, two) => (data.turns[two].start >= data.turns[one].start ? two : one));
    player.cursor = latest;
    if (view.hovered < 0) showDetail(latest);
    if (following()) showRow(rowsOf[latest]);
  }
  redraw();
}

/** Scroll inside the list's own box only: the page itself never moves under the reader. */
function showRow(row) {
  if (!row || row.hidden || list.scrollHeight <= list.clientHeight) return;
  const box = list.getBoundingClientRect(), own = row.getBoundingClientRect();
  if (own.top < box.top + 48 || own.bottom > box.bottom) list.scrollTop += own.top - box.top - box.height / 3;
}

function keepInView(x) {
  const left = viewport.scrollLeft, width = viewport.clientWidth;
  if (x < left || x > left + width * 0.95) scrollTo(x - width * 0.15);
}

function scrollTo(left) {
  viewport.scrollLeft = left;
  player.placed = viewport.scrollLeft;
}

function tick() {
  if (!audio.paused) {
    player.time = Math.min(audio.currentTime, data.duration);
    showTime();
    requestAnimationFrame(tick);
  }
}

function zoomTo(scale, anchor = viewport.clientWidth / 2) {
  const whole = viewport.clientWidth / Math.max(data.duration, 0.1);
  const time = (viewport.scrollLeft + anchor) / view.scale;
  view.scale = Math.max(whole, Math.min(scale, 400, MOST_STRETCH / Math.max(data.duration, 0.1)));
  stretch.style.width = `${data.duration * view.scale}px`;
  scrollTo(time * view.scale - anchor);
  playhead.style.transform = `translateX(${player.time * view.scale}px)`;
  placeProxies();
  redraw();
}

/** Wide enough that a usual turn can carry its letter, but never narrower than the whole recording. */
function firstScale() {
  const lengths = data.turns.map((turn) => turn.end - turn.start).sort((a, b) => a - b);
  return lengths.length ? Math.min(24, 34 / lengths[lengths.length >> 1]) : 0;
}

/** Two buttons take turns at standing where the chosen turn is drawn: screen readers announce a change of focus. */
function chooseTurn(index, focus) {
  player.cursor = index;
  const [next, last] = proxies[0].tabIndex === 0 ? [proxies[1], proxies[0]] : proxies;
  next.hidden = false;
  next.tabIndex = 0;
  last.tabIndex = -1;
  next.dataset.turn = index;
  next.setAttribute("aria-label", spoken(index));
  placeProxies();
  if (focus) next.focus({ preventScroll: true });
  last.hidden = true;
  showDetail(index);
}

function placeProxies() {
  for (const proxy of proxies) {
    if (proxy.dataset.turn === undefined) continue;
    const turn = data.turns[proxy.dataset.turn], row = rowOf(turn.speaker);
    proxy.style.left = `${turn.start * view.scale}px`;
    proxy.style.top = `${row.top}px`;
    proxy.style.width = `${Math.max(4, (turn.end - turn.start) * view.scale - 1)}px`;
    proxy.style.height = `${BLOCK}px`;
  }
}

/** The turn before or after the present one; where nobody speaks, before or after the present moment. */
function fromNow(step) {
  const turn = data.turns[player.cursor];
  // The browser may round a time that was sought to a little before the turn.
  const present = turn && turn.start <= player.time + 0.05 && player.time < turn.end;
  return present ? player.cursor : lastBefore(everyTurn, player.time) + (step > 0 ? 0 : 1);
}

/** The turn to go to: in the list from the row in focus, past rows that are filtered out; elsewhere from the present. */
function neighbour(step, target, inList) {
  let at = step + (inList ? Number(target.closest("tr").dataset.turn) : fromNow(step));
  while (inList && at >= 0 && at < data.turns.length && !passes(at)) at += step;
  return at >= 0 && at < data.turns.length ? at : -1;
}

/** Turns are played by Enter, so that Space can mean the same on them as everywhere. */
function ownsSpace(target) {
  return list.contains(target) || viewport.contains(target);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
  const inList = list.contains(event.target), inView = viewport.contains(event.target) || overview.contains(event.target);
  if (event.key === " " && (ownsSpace(event.target) || !event.target.closest("button, summary"))) toggle();
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") seek(player.time + (event.key === "ArrowLeft" ? -5 : 5));
  else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && (inList || inView)) stepTurn(event.key === "ArrowUp" ? -1 : 1, event.target, inList);
  else return;
  event.preventDefault();
}

function stepTurn(step, target, inList) {
  const index = neighbour(step, target, inList);
  if (index < 0) return;
  seek(data.turns[index].start);
  chooseTurn(index, !inList);
  if (inList && rowsOf[index]) focusRow(rowsOf[index]);
}

function focusRow(row) {
  for (const one of list.querySelectorAll('button[tabindex="0"]')) one.tabIndex = -1;
  const button = row.querySelector("button");
  button.tabIndex = 0;
  button.focus();
}

function hover(index) {
  if (view.hovered === index) return;
  view.hovered = index;
  if (index >= 0) showDetail(index);
  else if (player.cursor >= 0) showDetail(player.cursor);
  redraw();
}

function pointAt(event) {
  const box = stretch.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function wireLanes() {
  stretch.addEventListener("pointermove", (event) => event.pointerType !== "touch" && hover(turnUnder(...pointAt(event))));
  stretch.addEventListener("pointerleave", () => hover(-1));
  stretch.addEventListener("click", (event) => {
    if (event.target.closest(".turn-focus")) return playFrom(data.turns[event.target.dataset.turn].start);
    const [x, y] = pointAt(event), index = turnUnder(x, y);
    if (index >= 0) chooseTurn(index, true);
    playFrom(index >= 0 ? data.turns[index].start : x / view.scale);
  });
  viewport.addEventListener("scroll", () => {
    // A scroll that this page did not make is the reader's: stop following until they seek or ask again.
    if (Math.abs(viewport.scrollLeft - player.placed) > 2 && !audio.paused) player.adrift = true;
    player.placed = viewport.scrollLeft;
    redraw();
  });
  viewport.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomTo(view.scale * Math.exp(-event.deltaY / 300), event.clientX - viewport.getBoundingClientRect().left);
  }, { passive: false });
  for (const proxy of proxies) proxy.addEventListener("focus", () => chooseFocused(proxy));
}

function chooseFocused(proxy) {
  if (proxy.dataset.turn === undefined && data.turns.length) chooseTurn(Math.max(0, player.cursor), true);
  else if (proxy.dataset.turn !== undefined) showDetail(Number(proxy.dataset.turn));
}

function wireList() {
  const turnOf = (event) => Number(event.target.closest("tr[data-turn]")?.dataset.turn ?? -1);
  list.addEventListener("click", (event) => {
    const index = turnOf(event);
    if (index < 0 || String(getSelection())) return;
    player.cursor = index;
    showDetail(index);
    playFrom(data.turns[index].start);
  });
  list.addEventListener("focusin", (event) => {
    if (turnOf(event) < 0) return;
    player.cursor = turnOf(event);
    showDetail(player.cursor);
  });
}

function wireTransport() {
  playButton.addEventListener("click", toggle);
  audio.addEventListener("play", () => { setPlaying(true); requestAnimationFrame(tick); });
  audio.addEventListener("pause", () => setPlaying(false));
  audio.addEventListener("error", () => (status.textContent = "This browser cannot play that sound."));
  byId("speed").addEventListener("change", () => (audio.playbackRate = Number(byId("speed").value)));
  byId("file").addEventListener("change", (event) => event.target.files[0] && listenTo(event.target.files[0]));
  overview.setAttribute("aria-valuemax", data.duration.toFixed(1));
  const drag = (event) => {
    const box = overview.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * data.duration);
  };
  overview.addEventListener("pointerdown", (event) => { overview.setPointerCapture(event.pointerId); drag(event); });
  overview.addEventListener("pointermove", (event) => overview.hasPointerCapture(event.pointerId) && drag(event));
}

function setPlaying(on) {
  playButton.classList.toggle("playing", on);
  playButton.setAttribute("aria-label", on ? "Pause" : "Play");
}

function wireView() {
  byId("follow").addEventListener("click", () => {
    player.follow = !following();
    player.adrift = false;
    showTime();
  });
  byId("zoom-in").addEventListener("click", () => zoomTo(view.scale * 1.6));
  byId("zoom-out").addEventListener("click", () => zoomTo(view.scale / 1.6));
  byId("zoom-fit").addEventListener("click", () => zoomTo(0));
  const resized = new ResizeObserver(() => { view.strip = null; zoomTo(view.scale); });
  resized.observe(viewport);
  resized.observe(overview);
  const repaint = () => { readColours(); view.strip = null; redraw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  wirePrint(repaint);
  document.addEventListener("keydown", onKey);
  // Firefox presses a button when Space comes up again, whatever happened when it went down.
  document.addEventListener("keyup", (event) => event.key === " " && ownsSpace(event.target) && event.preventDefault());
}

/** On paper: light, the whole recording at the width of a page, and the limits in full. */
function wirePrint(repaint) {
  const limits = document.querySelector(".notice details");
  let before = {};
  addEventListener("beforeprint", () => {
    before = { scale: view.scale, left: viewport.scrollLeft, open: limits.open };
    root.dataset.theme = "light";
    viewport.style.width = "690px"; // within A4 and US Letter with usual margins
    limits.open = true;
    readColours();
    zoomTo(0);
    drawLanes();
  });
  addEventListener("afterprint", () => {
    delete root.dataset.theme;
    viewport.style.width = "";
    limits.open = before.open;
    zoomTo(before.scale);
    scrollTo(before.left);
    repaint();
  });
}

readColours();
showFacts();
showLegend();
layRows();
stretch.style.height = `${view.height}px`;
showSpeakers();
showList();
showDetail(-1);
wireLanes();
wireList();
wireTransport();
wireView();
if (data.turns.length) { proxies[0].hidden = false; proxies[0].dataset.turn = 0; proxies[0].setAttribute("aria-label", spoken(0)); }
zoomTo(firstScale(), 0);
showTime();
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", loadSound);
else loadSound();
