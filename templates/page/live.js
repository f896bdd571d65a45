// Of `doit view` alone: follows a run. A file report.html has none of this.
(() => {
  const news = new EventSource("events");
  const link = document.getElementById("link");
  const version = () => document.getElementById("now").dataset.version;
  let busy = false, again = false;
  const tell = (text) => { if (link.textContent !== text) link.textContent = text; };
  const details = (root) => {
    const count = {};
    return [...root.querySelectorAll("details")].map((one) => {
      const name = `${one.closest("section")?.id}/${one.querySelector("summary")?.textContent}`;
      count[name] = (count[name] ?? 0) + 1;
      return [`${name}/${count[name]}`, one];
    });
  };
  const sorts = () => [...document.querySelectorAll("main table.sortable")].map((one) => {
    const head = one.querySelector("th[aria-sort]");
    return head && [head.cellIndex, head.getAttribute("aria-sort")];
  });

  function swap(next) {
    const main = document.getElementById("main"), fresh = next.getElementById("main");
    const open = new Map(details(main).map(([name, one]) => [name, one.open]));
    details(fresh).forEach(([name, one]) => { if (open.has(name)) one.open = open.get(name); });
    const sorted = sorts();
    const top = [...main.querySelectorAll("section")].find((one) => one.getBoundingClientRect().bottom > 0);
    const at = scrollY > 0 && top ? top.getBoundingClientRect().top : null;
    const aside = [...main.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
    const focus = document.activeElement, holds = main.contains(focus) && focus !== main;
    const place = holds ? [focus.id, focus.tagName, [...main.querySelectorAll(focus.tagName)].indexOf(focus)] : null;
    main.replaceChildren(...fresh.childNodes);
    document.querySelector("nav").replaceChildren(...next.querySelector("nav").childNodes);
    document.querySelector("header").replaceChildren(...next.querySelector("header").childNodes);
    document.title = next.title;
    [...main.querySelectorAll(".scroll")].forEach((one, i) => { if (aside[i]) [one.scrollLeft, one.scrollTop] = aside[i]; });
    document.dispatchEvent(new Event("swapped"));
    document.querySelectorAll("main table.sortable").forEach((one, i) => {
      if (!sorted[i]) return;
      const button = one.tHead.rows[0].cells[sorted[i][0]]?.querySelector("button");
      for (let times = sorted[i][1] === "descending" ? 2 : 1; times > 0; times -= 1) button?.click();
    });
    const kept = at === null ? null : document.getElementById(top.id);
    if (kept) scrollBy({ top: kept.getBoundingClientRect().top - at, behavior: "instant" });
    if (place) (document.getElementById(place[0]) ?? main.querySelectorAll(place[1])[place[2]])?.focus({ preventScroll: true });
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch("/");
      if (answer.status === 200) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (answer.status === 202) setTimeout(refresh, 2000); // it is being made
    } catch { /* the next news tries again */ }
    busy = false;
    if (again) { again = false; refresh(); }
  }

  news.addEventListener("page", (one) => { if (one.data !== version()) refresh(); });
  news.addEventListener("now", (one) => { document.getElementById("now").innerHTML = JSON.parse(one.data); });
  news.addEventListener("open", () => tell(""));
  news.addEventListener("error", () => tell("doit view has ended: this page no longer follows the run"));
})();
