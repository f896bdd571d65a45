// Of `doit view` alone: follows a run. A file report.html has none of this.
(() => {
  const news = new EventSource("events");
  const link = document.getElementById("link");
  const version = () => document.getElementById("now").dataset.version;
  let busy = false, again = false;
  const tell = (text) => { if (link.textContent !== text) link.textContent = text; };
  const all = (root) => [...root.querySelectorAll("details")];
  const named = (one) => `${one.closest("section")?.id}/${one.querySelector("summary")?.textContent}`;

  function swap(next) {
    const main = document.getElementById("main"), fresh = next.getElementById("main");
    const open = new Map(all(main).map((one) => [named(one), one.open]));
    all(fresh).forEach((one) => { if (open.has(named(one))) one.open = open.get(named(one)); });
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
    const kept = at === null ? null : document.getElementById(top.id);
    if (kept) scrollBy({ top: kept.getBoundingClientRect().top - at, behavior: "instant" });
    if (place) (document.getElementById(place[0]) ?? main.querySelectorAll(place[1])[place[2]])?.focus({ preventScroll: true });
    document.dispatchEvent(new Event("swapped"));
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch("/");
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the next news tries again */ }
    busy = false;
    if (again) { again = false; refresh(); }
  }

  news.addEventListener("page", (one) => { if (one.data !== version()) refresh(); });
  news.addEventListener("now", (one) => { document.getElementById("now").innerHTML = JSON.parse(one.data); });
  news.addEventListener("open", () => tell(""));
  news.addEventListener("error", () => tell("doit view has ended: this page no longer follows the run"));
})();
