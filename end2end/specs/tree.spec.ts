// The tree: what is mine, how deep, how it went; by mouse, by keyboard, by address.
import { addressOf, expect, test } from "../support/fixtures";
import type { Page } from "@playwright/test";

const grid = (page: Page) => page.getByRole("treegrid");
const row = (page: Page, name: string, level: number) => grid(page).locator(`[role=row][aria-level="${level}"]`).filter({ has: page.getByRole("link", { name, exact: true }) }).first();

test("levels, waves, environments and hidden apps are as the policy and the manifests say", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/tree?open=all");
  const roots = grid(page).locator('[role=row][aria-level="1"]');
  await expect(roots.filter({ hasText: "shop-prod" })).toContainText("prod");
  await expect(row(page, "payments", 2)).toHaveAttribute("aria-expanded", "true");
  await expect(row(page, "ledger", 3)).toContainText("staging");
  await expect(grid(page)).not.toContainText("search");
  await expect(page.getByRole("main"), "how many of search are hidden, not which").toContainText("3 hidden");
});

test("rows open and close, and the address is the whole state", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/tree?open=none");
  await expect(grid(page).locator('[role=row][aria-level="2"]')).toHaveCount(0);
  await row(page, "shop", 1).getByRole("link", { name: "Unfold shop" }).click();
  await expect(row(page, "catalogue", 2)).toBeVisible();
  await expect(page).toHaveURL(/open=/);
  const address = page.url();
  await page.goto("/");
  await page.goto(address);
  await expect(row(page, "catalogue", 2)).toBeVisible();
  await row(page, "shop", 1).getByRole("link", { name: "Fold shop" }).click();
  await expect(grid(page).locator('[role=row][aria-level="2"]')).toHaveCount(0);
});

test("filters cut the tree to what matches, and keep the way to it", async ({ seat }) => {
  const { page } = await seat("ana", { javaScriptEnabled: false });
  await page.goto("/tree");
  const filters = page.getByRole("search", { name: "Filter the tree" });
  await filters.getByRole("searchbox").fill("ledger");
  await filters.getByLabel("Environment").selectOption("staging");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/q=ledger/);
  await expect(row(page, "ledger", 3)).toBeVisible();
  await expect(row(page, "payments", 2), "the way to it stays").toBeVisible();
  await expect(row(page, "catalogue", 2)).toHaveCount(0);
});

test("arrows move and open, Enter opens the app, / goes to the search", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/tree?open=none");
  const focused = () => page.evaluate(() => document.activeElement?.closest("[role=row]")?.querySelector("a.name")?.textContent ?? document.activeElement?.tagName);
  const first = grid(page).locator('[role=row][aria-level="1"]').first();
  await expect(async () => {
    await first.focus();
    await page.keyboard.press("ArrowDown");
    expect(await focused()).not.toBe(await first.locator("a.name").innerText());
  }, "the grid listens").toPass({ timeout: 15_000 });
  expect(await grid(page).locator('[role=row][tabindex="0"]').count(), "one row in the tab order").toBe(1);

  await row(page, "shop", 1).focus();
  await page.keyboard.press("ArrowRight");
  await expect(row(page, "shop", 1)).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).not.toBe("shop");
  await page.keyboard.press("ArrowLeft");
  expect(await focused(), "left goes to the parent").toBe("shop");
  await page.keyboard.press("ArrowLeft");
  await expect(row(page, "shop", 1), "and closes it").toHaveAttribute("aria-expanded", "false");
  await page.keyboard.press("End");
  await expect(grid(page).locator("[role=row][aria-level]").last()).toBeFocused();
  await page.keyboard.press("Home");
  await expect(grid(page).locator("[role=row][aria-level]").first()).toBeFocused();

  await page.keyboard.press("/");
  await expect(page.getByRole("search", { name: "Filter the tree" }).getByRole("searchbox")).toBeFocused();
  await row(page, "shop", 1).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/apps/shop/");
  expect(addressOf(page)).toBe("/apps/shop/");
});

test("the last verdict and live runs are rolled up to the roots", async ({ seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto("/tree");
  await expect(row(page, "catalogue", 2)).toContainText(/pass|fail|inconclusive/);
  await page.goto("/tree?open=none");
  await expect(row(page, "shop", 1)).toContainText(/pass|fail|inconclusive/);
  expect(finished.path).toBe("/shop/catalogue/");
});

test("the table view lists the same apps flat", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/tree?view=table&rows=100");
  await expect(page.getByRole("treegrid")).toHaveCount(0);
  await expect(page.getByRole("main").getByRole("table")).toContainText("/shop/payments/ledger/");
});

test("a tree that is too large for one page brings the others by a link, or by itself when they are scrolled to", async ({ seat }) => {
  const plain = await seat("chris", { javaScriptEnabled: false });
  await plain.page.goto("/tree?open=all");
  await expect(grid(plain.page).locator("[data-row]:not(.more-row)")).toHaveCount(20);
  await plain.page.getByRole("link", { name: /^Show the other \d+$/ }).click();
  const all = await grid(plain.page).locator("[data-row]:not(.more-row)").count();
  expect(all).toBeGreaterThan(20);
  await expect(plain.page.locator(".more-row")).toHaveCount(0);

  const { page } = await seat("chris");
  await page.setViewportSize({ width: 1000, height: 500 });
  await page.goto("/");
  await page.goto("/tree?open=all");
  await page.locator(".more-row").scrollIntoViewIfNeeded();
  await expect(grid(page).locator("[data-row]:not(.more-row)")).toHaveCount(all);
  await expect(page).toHaveURL(/rows=/);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  expect(await page.evaluate(() => document.activeElement?.tagName), "nobody has put the focus anywhere").toBe("BODY");
  await page.goBack();
  await expect(page, "more rows are no step back").toHaveURL(/\/$/);
});

test("an app's page has its tests, runs, access and sources, each with an address", async ({ demo, seat, finished }) => {
  const { page } = await seat("ana");
  await page.goto("/apps/shop/catalogue/");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("catalogue");
  await expect(page.getByRole("main")).toContainText(demo.service("staging", "catalogue"));
  const tab = (name: RegExp) => page.getByRole("main").getByRole("navigation").getByRole("link", { name });
  await tab(/^Tests/).click();
  await expect(page).toHaveURL(/tab=tests/);
  await expect(page.getByRole("main")).toContainText("browse.js");
  await expect(page.getByRole("main")).toContainText("ramping-vus");
  await tab(/^Runs/).click();
  await expect(page.getByRole("main").locator(`a[href="${finished.href}"]`).first()).toBeVisible();
  await tab(/^Access/).click();
  await expect(page.getByRole("main")).toContainText("run.launch");
  await expect(page.getByRole("main")).toContainText("shop developers");
  await tab(/^Sources/).click();
  await expect(page.getByRole("main")).toContainText("services/catalogue");
  await expect(page.getByRole("main")).toContainText("https://git.demo.windfirm.dev/shop/deploy.git");
});
