// Every page, for everybody who may see it, in both themes, wide and narrow: axe finds nothing, nothing scrolls sideways.
// (That no page complains in the console or breaks the content security policy is held by every test; see `support/watch.ts`.)
import { mkdirSync } from "node:fs";
import path from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { everybody, expect, launch, launchForm, people, settled, stop, test, type Person } from "../support/fixtures";
import { output } from "../support/machine";

const shots = path.join(output, "screenshots");
mkdirSync(shots, { recursive: true });

interface Sight {
  /** Name of the picture. */
  name: string;
  address: string;
  status?: number;
}

/** What each of them may open. */
const SIGHTS: Record<Person, Sight[]> = {
  ana: [
    { name: "home", address: "/" },
    { name: "tree", address: "/tree" },
    { name: "tree-all", address: "/tree?open=all" },
    { name: "tree-table", address: "/tree?view=table" },
    { name: "tree-nothing-found", address: "/tree?q=nothing-like-this" },
    { name: "app", address: "/apps/shop/catalogue/" },
    { name: "app-root", address: "/apps/shop/" },
    { name: "app-tests", address: "/apps/shop/catalogue/?tab=tests" },
    { name: "app-tests-broken", address: "/apps/shop/payments/gateway/?tab=tests" },
    { name: "app-runs", address: "/apps/shop/catalogue/?tab=runs" },
    { name: "app-access", address: "/apps/shop/catalogue/?tab=access" },
    { name: "app-sources", address: "/apps/shop/payments/?tab=sources" },
    { name: "app-locked", address: "/apps/shop-prod/cart/" },
    { name: "app-no-test", address: "/apps/shop/shipping/?tab=tests" },
    { name: "launch", address: launchForm({ path: "/shop/catalogue/" }) },
    { name: "launch-refused", address: launchForm({ path: "/shop/cart/", load: { vus: 400, duration: "20m" } }) },
    { name: "launch-broken", address: launchForm({ path: "/shop/payments/gateway/" }) },
    { name: "launch-locked", address: launchForm({ path: "/shop-prod/cart/" }) },
    { name: "launch-nowhere", address: "/launch" },
    { name: "runs", address: "/runs" },
    { name: "runs-nothing-found", address: "/runs?state=lost" },
    { name: "access", address: "/access" },
    { name: "access-app", address: "/access?path=/shop/cart/" },
    { name: "sessions", address: "/sessions" },
    { name: "forbidden", address: "/audit", status: 403 },
    { name: "missing", address: "/no/such/page", status: 404 },
    { name: "bad-filter", address: "/runs?state=nonsense", status: 422 },
  ],
  ben: [
    { name: "home", address: "/" },
    { name: "audit", address: "/audit" },
    { name: "audit-denied", address: "/audit?outcome=denied" },
    { name: "audit-nothing-found", address: "/audit?actor=nobody-of-this-name" },
  ],
  eli: [
    { name: "home", address: "/" },
    { name: "tree", address: "/tree" },
    { name: "runs-empty", address: "/runs?path=/search/" },
  ],
  chris: [
    { name: "home", address: "/" },
    { name: "policy", address: "/policy" },
    { name: "system", address: "/system" },
    { name: "access-explain", address: "/access?path=/shop/cart/&groups=shop-dev" },
  ],
  dora: [
    { name: "home", address: "/" },
    { name: "audit", address: "/audit" },
    { name: "launch-locked", address: launchForm({ path: "/shop/catalogue/" }) },
  ],
};

const WIDTHS = [
  { name: "wide", width: 1400, height: 900 },
  { name: "narrow", width: 390, height: 844 },
];
const THEMES = ["light", "dark"] as const;

/** Looks at the open page in every theme and width, and says what is wrong with it. */
async function look(page: Page, name: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name: width, ...size } of WIDTHS) {
    await page.setViewportSize(size);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const picture = `${name}-${width}-${colorScheme}`;
      // Our pages have no frames, so the mode without a second page sees the same, several times faster.
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
      for (const { id, help, nodes } of violations) {
        wrong.push(`${picture}: axe ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n").slice(1).join(" ").trim() ?? ""}`).join(" | ")}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ""}`);
      }
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      if ((content ?? 0) > (window ?? 0)) wrong.push(`${picture}: scrolls sideways, ${content} px in ${window} px: ${await widest(page)}`);
      // A narrow screen may scroll a table of numbers in its own region; on a wide one everything is in sight.
      if (size.width >= 1180) wrong.push(...(await cutOff(page)).map((what) => `${picture}: ${what}`));
      await page.screenshot({ path: path.join(shots, `${picture}.png`), fullPage: true, animations: "disabled" });
    }
  }
  return wrong;
}

/** Regions that hide a part of their table to the side. */
function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const over = [...document.querySelectorAll(".scroll")].filter((region) => region.scrollWidth > region.clientWidth + 1);
    return over.map((region) => `“${region.getAttribute("aria-label") ?? region.className}” needs ${region.scrollWidth} px and has ${region.clientWidth} px`);
  });
}

/** What reaches over the edge, for the message. */
function widest(page: Page): Promise<string> {
  return page.evaluate(() => {
    const over = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
    return over.slice(0, 4).map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`).join(", ");
  });
}

/** What every page must have, whoever looks. */
async function bones(page: Page, address: string): Promise<string[]> {
  return page.evaluate((address) => {
    const wrong: string[] = [];
    if (document.querySelectorAll("h1").length !== 1) wrong.push(`${address}: ${document.querySelectorAll("h1").length} h1`);
    if (document.querySelectorAll("main").length !== 1) wrong.push(`${address}: ${document.querySelectorAll("main").length} main`);
    if (!document.title || !document.title.includes("Windfirm")) wrong.push(`${address}: title “${document.title}”`);
    if (document.querySelector("[style]")) wrong.push(`${address}: an inline style`);
    if (!document.documentElement.lang) wrong.push(`${address}: no language`);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`${address}: two elements #${id}`);
    for (const use of document.querySelectorAll("use")) {
      const shape = document.querySelector(use.getAttribute("href") ?? "none");
      if (shape?.tagName !== "symbol") wrong.push(`${address}: the icon ${use.getAttribute("href")} is not in the sprite`);
    }
    return wrong;
  }, address);
}

for (const person of everybody) {
  test(`every page that ${people[person].name} may open is clean`, async ({ seat, finished }) => {
    test.setTimeout(SIGHTS[person].length * 25_000);
    expect(finished.id, "there is something to show").not.toBe("");
    const { page } = await seat(person);
    const wrong: string[] = [];
    for (const { name, address, status = 200 } of SIGHTS[person]) {
      await page.setViewportSize({ width: 1400, height: 900 });
      const response = await page.goto(address);
      if (response?.status() !== status) wrong.push(`${address}: answered ${response?.status()}, not ${status}`);
      wrong.push(...(await bones(page, address)), ...(await look(page, `${person}-${name}`)));
    }
    expect(wrong).toEqual([]);
  });
}

test("the page of a finished run, its log, and its table twins opened are clean", async ({ seat, finished }) => {
  test.setTimeout(120_000);
  const { page } = await seat("ana");
  await page.goto(finished.href);
  const wrong = [...(await bones(page, finished.href)), ...(await look(page, "run-finished"))];
  for (const summary of await page.getByRole("main").locator("details > summary").all()) await summary.click();
  wrong.push(...(await look(page, "run-finished-opened")));
  await page.goto(`${finished.href}/log`);
  wrong.push(...(await look(page, "run-log")));
  expect(wrong).toEqual([]);
});

test("the page of a live run is clean, and an open entry of the record is", async ({ seat }) => {
  test.setTimeout(120_000);
  const { page } = await seat("ben");
  const run = await launch(page, { path: "/shop-dev/storefront/", load: { vus: 2, duration: "45s" } });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 15_000 });
  const wrong = await look(page, "run-live");
  await page.setViewportSize({ width: 1400, height: 900 });
  await stop(page);
  await settled(page, run);
  wrong.push(...(await look(page, "run-cancelled")));
  await page.goto("/audit?event=run.stop");
  await page.getByRole("table").first().getByRole("row").nth(1).getByRole("link").first().click();
  await expect(page).toHaveURL(/entry=\d+/);
  wrong.push(...(await look(page, "audit-entry")));
  expect(wrong).toEqual([]);
});

test("the pages at the door are clean", async ({ demo, seat }) => {
  const { page } = await seat();
  const wrong: string[] = [];
  for (const [name, address] of [["login", "/login"], ["logged-out", "/logged-out"], ["login-refused", "/login/demo/callback?code=x&state=y"]] as const) {
    await page.goto(address);
    wrong.push(...(await bones(page, address)), ...(await look(page, `door-${name}`)));
  }
  await page.goto("/login");
  await page.getByRole("main").getByRole("button", { name: /demo identity provider/i }).click();
  expect(new URL(page.url()).origin).toBe(demo.issuer);
  wrong.push(...(await look(page, "door-provider")));
  expect(wrong).toEqual([]);
});
