"use strict";
(() => {
  const root = document.documentElement;
  const keep = (name, value) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `rarebit_${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  };
  const two = (number) => String(number).padStart(2, "0");

  function showTimes() {
    const local = root.dataset.zone === "local";
    for (const element of document.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.getAttribute("datetime"));
      element.title = element.getAttribute("datetime");
      if (Number.isNaN(moment.getTime())) continue;
      const iso = moment.toISOString();
      element.textContent = local
        ? `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ` +
          `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`
        : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
    }
    for (const element of document.querySelectorAll(".zone-name")) element.textContent = local ? "local" : "UTC";
  }

  const doing = {
    zone() {
      root.dataset.zone = root.dataset.zone === "local" ? "utc" : "local";
      keep("zone", root.dataset.zone);
      showTimes();
    },
    theme() {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      keep("theme", root.dataset.theme);
    },
    help() {
      document.getElementById("keys").showModal();
    },
    copy(button) {
      const text = button.parentElement.querySelector("pre");
      getSelection().selectAllChildren(text);
      const done = () => { button.textContent = "copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(done, () => { button.textContent = "marked"; });
      else if (document.execCommand("copy")) done();
    },
  };

  let at = -1;
  const lines = () => [...document.querySelectorAll(".row")];

  function step(by) {
    const rows = lines();
    if (!rows.length) return;
    if (rows[at]) rows[at].classList.remove("here");
    at = Math.max(0, Math.min(rows.length - 1, at + by));
    rows[at].classList.add("here");
    rows[at].scrollIntoView({ block: "nearest" });
  }

  function open() {
    const row = lines()[at];
    if (!row) return false;
    const link = row.querySelector("a.go");
    const part = row.querySelector("details");
    if (link) link.click();
    else if (part) part.open = !part.open;
    return Boolean(link || part);
  }

  const places = { q: "/queue", r: "/records", h: "/hunt", s: "/health" };

  function pressed(event) {
    const field = event.target.closest("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (field) {
      if (event.key === "Escape") field.blur();
      return;
    }
    const key = event.key;
    if (key === "Enter") {
      if (event.target.closest("a, button, summary")) return;
      if (open()) event.preventDefault();
      return;
    }
    const linked = document.querySelector(`a[data-key="${CSS.escape(key)}"]`);
    if (linked) linked.click();
    else if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "u") doing.zone();
    else if (key === "t") doing.theme();
    else if (key === "?") doing.help();
    else if (key === "x" && document.querySelector("a.suppress")) (lines()[at]?.querySelector("a.suppress") || document.querySelector("a.suppress")).click();
    else if (key === "v") document.querySelector("#verdict button")?.focus();
    else if (key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) search.focus();
      else location.href = "/hunt";
    } else if (places[key] && document.querySelector("nav")) location.href = places[key];
    else return;
    event.preventDefault();
  }

  // what is made must be what was previewed
  for (const form of document.querySelectorAll("form[data-unsent]"))
    form.addEventListener("input", () => {
      for (const button of document.querySelectorAll(form.dataset.unsent)) {
        button.disabled = true;
        button.textContent = "Preview the change first";
      }
    });

  addEventListener("keydown", pressed);
  addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) doing[button.dataset.do](button);
  });
  showTimes();
})();
