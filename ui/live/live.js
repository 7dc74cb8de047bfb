/* Goes on counting how old the live view's figures are: between two refreshes, and when the server has gone. */
(() => {
  let tick = null, arrived = 0, heard = 0;
  const show = () => {
    const line = document.querySelector(".fresh[data-age]");
    if (!line) return;
    const now = performance.now(), data = line.dataset;
    if (data.tick !== tick) [tick, arrived, heard] = [data.tick, now, now];
    const age = Math.round(Number(data.age) + (now - arrived) / 1000), limit = Number(data.stale);
    const [words, n] = age < 60 ? [data.seconds, age]
      : age < 3600 ? [data.minutes, Math.floor(age / 60)] : [data.hours, Math.floor(age / 3600)];
    const refreshing = document.querySelector("#live-on input")?.checked && !document.hidden;
    const silent = refreshing && (now - heard) / 1000 > limit;
    const text = words.replace("{n}", n) + (silent ? " · " + data.notResponding : "");
    const span = line.querySelector("span");
    if (span.textContent !== text) span.textContent = text;
    line.classList.toggle("stale", age > limit);
  };
  setInterval(show, 500);
  document.addEventListener("visibilitychange", () => { heard = performance.now(); });
})();
