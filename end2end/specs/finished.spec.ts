// A run that has ended: the answer first, then the reasons, then the evidence; and who finds it afterwards.
import { readFileSync } from "node:fs";
import path from "node:path";
import { RUN_PAGE, expect, fact, launch, numberIn, settled, test, text, verdict } from "../support/fixtures";

test("the verdict stands first, with its reasons", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const answer = verdict(page);
  await expect(answer).toContainText(/Pass|Fail|Inconclusive/);
  expect(await answer.getByRole("listitem").count(), "no verdict without a reason").toBeGreaterThan(0);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("/shop/catalogue/");
  await expect(page.getByRole("main")).toContainText("Before the sale");
  await expect(page.getByRole("main")).toContainText("shop-staging/loadtest");
});

test("each threshold of the script is judged, with what was measured", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const thresholds = page.getByRole("region", { name: "Thresholds" }).getByRole("listitem");
  await expect(thresholds).toHaveCount(4);
  for (const expression of ["p(99)<400", "p(95)<250", "rate<0.01", "rate>0.99"]) {
    await expect(thresholds.filter({ hasText: expression })).toHaveCount(1);
  }
  for (const threshold of await thresholds.all()) await expect(threshold).toContainText(/kept|broken/);
  await expect(thresholds.filter({ hasText: "http_req_duration{name:product}" })).toContainText(/\d/);
});

test("the band is drawn with its spread, and its table says the same", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const band = page.locator("figure").filter({ has: page.getByRole("img", { name: /^Latency band/ }) });
  expect(await band.locator("path.b99, path.l99").count(), "a band is drawn").toBeGreaterThan(0);
  await expect(band).toContainText("p99 − p50");
  await band.getByText("Table of this chart").click();
  const table = band.getByRole("table");
  for (const head of ["p50", "p90", "p99", "spread"]) await expect(table.getByRole("columnheader", { name: head })).toBeVisible();
  const rows = table.getByRole("row").filter({ has: page.getByRole("rowheader") });
  expect(await rows.count(), "half a minute was measured").toBeGreaterThanOrEqual(10);
  const cells = await rows.nth(5).getByRole("cell").allInnerTexts();
  const [p50, p90, p99, spread] = cells.map(milliseconds) as [number, number, number, number];
  expect(p50).toBeLessThanOrEqual(p90);
  expect(p90).toBeLessThanOrEqual(p99);
  expect(spread).toBeCloseTo(p99 - p50, -1);
  await expect(page.getByRole("img", { name: /request/i }).first()).toBeVisible();
  await expect(page.getByRole("img", { name: /error/i }).first()).toBeVisible();
});

test("completeness compares what came with k6's own counters, and finds nothing missing", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const section = page.getByRole("region", { name: "Completeness" });
  await expect(section).toContainText("received against k6’s own counters");
  await expect(section).toContainText("Received all that k6 counted");
  await expect(section).not.toContainText("not the same");
  await expect(section).not.toContainText("Dropped");
  const all = await fact(page, "Requests").innerText();
  const total = numberIn(/([\d,]+) in all/.exec(all)?.[1] ?? null);
  expect(total).toBeGreaterThan(100);
  expect(numberIn(await fact(section, "http_reqs").innerText()), "the same number stands in both places").toBe(total);
  const byName = page.getByRole("region", { name: "Requests", exact: true });
  const counts = await byName.getByRole("row").filter({ has: page.getByRole("rowheader") }).locator("td:nth-of-type(3)").allInnerTexts();
  expect(counts.map(numberIn).reduce((sum, count) => sum + count, 0), "the table of requests adds up to it").toBe(total);
});

test("requests, checks, manifest and confinement are there", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const main = page.getByRole("main");
  for (const name of ["list", "product"]) await expect(main.getByRole("rowheader", { name, exact: true })).toBeVisible();
  await expect(main.getByRole("region", { name: "Checks" })).toContainText("is the product asked for");
  const manifest = main.getByRole("region", { name: "Manifest" });
  await manifest.getByText("Whole manifest").click();
  const digests = (await manifest.innerText()).match(/\b[0-9a-f]{64}\b/g) ?? [];
  expect(new Set(digests).size, "bundle, files, parameters, policy, results: each with its whole digest").toBeGreaterThanOrEqual(6);
  await expect(manifest).toContainText("services/catalogue/k6/lib/checks.js");
  await expect(manifest).toContainText("services/catalogue/k6/data/products.json");
  await expect(manifest).toContainText(/v?2\.2\.0/);
  await expect(manifest).toContainText("Ana Ruiz");
  await expect(main.getByRole("region", { name: /^Confinement/ })).toContainText(/Network: /);
});

test("a broken threshold fails the run, is named in the reasons, and stands in k6's log", async ({ demo, seat }) => {
  const { page } = await seat("ana");
  await demo.fault("dev", "catalogue", { slow_ms: 700 });
  try {
    const run = await launch(page, { path: "/shop-dev/catalogue/", load: { vus: 2, duration: "6s" }, reason: "With a slow catalogue" });
    await settled(page, run);
  } finally {
    await demo.fault("dev", "catalogue");
  }
  await expect(verdict(page)).toContainText("Fail");
  await expect(verdict(page)).toContainText(/http_req_duration is .*; the threshold p\(99\)<400 is broken/);
  await expect(page.getByRole("region", { name: "Thresholds" }).getByRole("listitem").filter({ hasText: "p(99)<400" })).toContainText("broken");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("fail");
  await expect(page.getByRole("log", { name: "Log tail" })).toContainText("configuration overrode scenarios configuration");
  await page.getByRole("link", { name: "Whole log" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Log of run");
  await expect(page.getByRole("region", { name: "Log lines" })).toContainText("configuration overrode scenarios configuration");
  await page.goto("/");
  await expect(page.getByRole("main"), "home says what needs somebody").toContainText("/shop-dev/catalogue/");
});

test("what the README says to break does break", async ({ demo, seat }) => {
  test.setTimeout(150_000);
  // The very line that a newcomer copies: a port of the demo's first shop, and what it is told.
  const line = /http:\/\/127\.0\.0\.1:(\d+)\/_faults --json '(\{.+?\})'/.exec(readFileSync(path.join(__dirname, "../../README.md"), "utf8"));
  expect(line, "the README has its line").not.toBeNull();
  const [, port, fault] = line as unknown as [string, string, string];
  expect(Number(port) - 7710, "the ledger of staging").toBe(5);
  const { page } = await seat("ana");
  await demo.fault("staging", "ledger", JSON.parse(fault) as { slow_ms: number });
  try {
    await page.goto("/launch?path=/shop/storefront/&test=services/storefront/k6/checkout.js");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForURL(RUN_PAGE);
    await expect(verdict(page)).toContainText(/Verdict\s*(Pass|Fail|Inconclusive)/, { timeout: 90_000 });
  } finally {
    await demo.fault("staging", "ledger");
  }
  await expect(verdict(page)).toContainText("Fail");
  await expect(verdict(page)).toContainText("is broken");
});

test("the history lists it, filters stand in the address, and its link leads back", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto("/runs");
  await page.getByLabel("Path").fill("/shop/catalogue/");
  await page.getByLabel("By", { exact: true }).fill("me");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/path=(%2F|\/)shop(%2F|\/)catalogue/);
  const row = page.getByRole("row").filter({ has: page.locator(`a[href="${finished.href}"]`) });
  await expect(row).toContainText("browse.js");
  await expect(row).toContainText("Ana Ruiz");
  await expect(row).toContainText(/pass|fail|inconclusive/);
  await expect(row.getByRole("link").first()).toHaveAttribute("href", finished.href);
  await page.goto("/runs?state=cancelled&path=/shop-prod/");
  await expect(page.getByRole("main")).toContainText("No run matches these filters");
  await page.getByRole("link", { name: "Clear all filters" }).click();
  await expect(page).toHaveURL(/\/runs$/);
});

test("a colleague opens the link; somebody of another team gets the page for what does not exist", async ({ seat, finished }) => {
  const ben = await seat("ben");
  expect((await ben.page.goto(finished.href))?.status()).toBe(200);
  await expect(verdict(ben.page)).toBeVisible();

  const eli = await seat("eli");
  const refused = await eli.page.goto(finished.href);
  expect(refused?.status()).toBe(404);
  const there = await text(eli.page);
  const missing = await eli.page.goto("/runs/01935c7e8b1a70008000123456789abc");
  expect(missing?.status()).toBe(404);
  expect(await text(eli.page), "not a word is different").toBe(there);
});

/** A latency as pages write it. */
function milliseconds(words: string): number {
  const value = numberIn(words);
  if (/µs/.test(words)) return value / 1000;
  return /\d\s*s$/.test(words.trim()) ? value * 1000 : value;
}
