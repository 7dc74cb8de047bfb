/* Goes on counting how old the live view's figures are: between two refreshes, and when the server has gone. */
(() => {
  let tick = null, arrived = 0, heard = 0;
  const show = () => {
    const line = document.querySelector(".fresh[data-age]");
    if (!line) return;
    const now = performance.now(), told = line.dataset;
    if (told.tick !== tick) [tick, arrived, heard] = [told.tick, now, now];
    const age = Math.round(Number(told.age) + (now - arrived) / 1000), limit = Number(told.stale);
    const [words, n] = age < 60 ? [told.seconds, age]
      : age < 3600 ? [told.minutes, Math.floor(age / 60)] : [told.hours, Math.floor(age / 3600)];
    const refreshing = document.querySelector("#live-on input")?.checked && !document.hidden;
    const silent = refreshing && (now - heard) / 1000 > limit;
    const text = words.replace("{n}", n) + (silent ? " · " + told.noAnswer : "");
    const span = line.querySelector("span");
    if (span.textContent !== text) span.textContent = text;
    line.classList.toggle("stale", age > limit);
  };
  setInterval(show, 500);
  document.addEventListener("visibilitychange", () => { heard = performance.now(); });
})();
