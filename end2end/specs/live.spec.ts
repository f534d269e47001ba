// A run while it runs: numbers come and grow, a reload loses nothing, anybody who may see it can watch, its owner can stop it.
import type { Page } from "@playwright/test";
import { addressOf, expect, fact, launch, stop, test, verdict } from "../support/fixtures";

const requests = async (page: Page) => Number((await fact(page, "Requests").innerText()).match(/([\d,]+) in all/)?.[1]?.replaceAll(",", "") ?? 0);

test("numbers appear, grow by themselves, survive a reload, and the stream says where the run stands", async ({ seat }) => {
  const { page } = await seat("ana");
  const run = await launch(page, { path: "/shop/storefront/", load: { vus: 4, duration: "45s" }, reason: "Watch it" });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 15_000 });
  await expect.poll(() => requests(page), { message: "numbers come without a reload", timeout: 15_000 }).toBeGreaterThan(0);
  const first = await requests(page);
  await expect.poll(() => requests(page), { message: "and grow", timeout: 10_000 }).toBeGreaterThan(first + 5);
  const chart = page.getByRole("img", { name: /^Latency band/ });
  await expect(chart).toHaveAttribute("aria-label", /p50 lies between/);
  await expect(page.getByRole("progressbar", { name: "Elapsed" }).first()).toBeVisible();
  await expect(page.getByText(/measured (just now|\d+ s ago)/)).toBeVisible();

  const before = await requests(page);
  await page.reload();
  expect(await requests(page), "the reloaded page has all that was there, before any script").toBeGreaterThanOrEqual(before);
  const reloaded = await requests(page);
  await expect.poll(() => requests(page), { message: "and is live again" }).toBeGreaterThan(reloaded);

  await expect(page.getByRole("region", { name: "Progress" })).toContainText("of 0:45");
  await stop(page);
  await expect(verdict(page)).toContainText("Cancelled", { timeout: 20_000 });
  await expect(verdict(page)).toContainText("Ana Ruiz stopped this run");
  await expect(page.getByText("Stop this run")).toHaveCount(0);
  expect(await requests(page), "what was measured stays").toBeGreaterThanOrEqual(reloaded);
  expect(addressOf(page)).toBe(run.href);
});

test("numbers stand on the page within two seconds of their measurement", async ({ seat }) => {
  const { page } = await seat("ana");
  await launch(page, { path: "/shop-dev/catalogue/", load: { vus: 2, duration: "30s" } });
  await expect.poll(() => requests(page), { timeout: 20_000 }).toBeGreaterThan(0);
  // The page itself says how old its newest second is; a second's window ends one second after it begins.
  const ages: number[] = [];
  for (let looks = 0; looks < 6; looks += 1) {
    const shown = await requests(page);
    await expect.poll(() => requests(page), { timeout: 6_000, intervals: [100] }).toBeGreaterThan(shown);
    const words = await page.getByText(/measured (just now|\d+ s ago)/).innerText();
    ages.push(Number(/(\d+) s ago/.exec(words)?.[1] ?? 1));
  }
  expect(ages.toSorted((a, b) => a - b)[3], `ages in seconds: ${ages.join(", ")}`).toBeLessThanOrEqual(2);
  await stop(page);
  await expect(verdict(page)).toContainText("Cancelled", { timeout: 20_000 });
});

test("without script the page reads whole: state, numbers, chart with its table, log", async ({ seat }) => {
  const watched = await seat("ana");
  const run = await launch(watched.page, { path: "/shop/payments/", load: { vus: 2, duration: "40s" } });
  await expect.poll(() => requests(watched.page), { timeout: 20_000 }).toBeGreaterThan(10);
  const { page } = await seat("ben", { javaScriptEnabled: false });
  await page.goto(run.href);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running");
  expect(await requests(page)).toBeGreaterThan(0);
  await expect(page.getByRole("img", { name: /^Latency band/ })).toBeVisible();
  await page.getByText("Table of this chart").first().click();
  await expect(page.getByRole("columnheader", { name: "p99" }).first()).toBeVisible();
  // Whether a browser builds what stands in a noscript depends on how script was switched off, so the document is read.
  expect(await page.content(), "the page says that it does not follow by itself").toContain("Without script this page does not follow the run by itself");
  // A lead may stop what somebody else has started, also without script.
  await stop(page);
  await expect(verdict(watched.page)).toContainText("Ben Okafor", { timeout: 20_000 });
  await expect(verdict(watched.page)).toContainText("Cancelled", { timeout: 20_000 });
});

test("those who may look but not stop see a lock with its reason", async ({ seat }) => {
  const owner = await seat("ben");
  const run = await launch(owner.page, { path: "/shop/payments/ledger/", load: { vus: 1, duration: "30s" } });
  await expect(owner.page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 15_000 });
  const { page } = await seat("ana");
  await page.goto(run.href);
  await expect(page.getByText("Stop this run")).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("locked");
  await expect(page.getByRole("main")).toContainText(/run\.stop/);
  await stop(owner.page);
  await expect(verdict(owner.page)).toContainText("Cancelled", { timeout: 20_000 });
});

test("live runs stand in the side bar and on home of those who may see them", async ({ seat }) => {
  const { page } = await seat("ana");
  const run = await launch(page, { path: "/shop/cart/", load: { vus: 1, duration: "30s" } });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 15_000 });
  const ben = await seat("ben");
  await ben.page.goto("/");
  await expect(ben.page.getByRole("banner").getByRole("link", { name: /\/shop\/cart\// })).toHaveAttribute("href", run.href);
  await expect(ben.page.getByRole("main").locator(`a[href="${run.href}"]`).first()).toBeVisible();
  await stop(page);
  await expect(verdict(page)).toContainText("Cancelled", { timeout: 20_000 });
});
