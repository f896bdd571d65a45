// node check.js <chromium> <page.html>...: of each page, on a wide screen and on a phone, in light and
// dark: what axe-core finds, what the console says, what is asked of a network, what sticks out.
// One JSON document on stdout. NODE_PATH names a folder with axe-core and puppeteer-core.
"use strict";
const fs = require("fs");
const path = require("path");
const puppeteer = require("puppeteer-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function look(browser, file, scheme, width) {
  const page = await browser.newPage();
  const console_ = [];
  const requests = [];
  page.on("console", (message) => console_.push(message.text()));
  page.on("pageerror", (error) => console_.push(String(error)));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) requests.push(request.url());
  });
  await page.setViewport({ width, height: 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto("file://" + path.resolve(file));
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
    const root = document.documentElement;
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return {
      sticksOut: root.scrollWidth - root.clientWidth,
      violations: violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .map((one) => `${one.id}: ${one.nodes[0].html}`),
    };
  });
  await page.close();
  return { file: path.basename(file), scheme, width, console: console_, requests, ...found };
}

(async () => {
  const [executablePath, ...files] = process.argv.slice(2);
  const args = ["--no-sandbox", "--disable-gpu"];
  const browser = await puppeteer.launch({ executablePath, args, headless: true });
  const all = [];
  for (const file of files)
    for (const scheme of ["light", "dark"])
      for (const width of [1280, 360]) all.push(await look(browser, file, scheme, width));
  await browser.close();
  process.stdout.write(JSON.stringify(all));
})();
