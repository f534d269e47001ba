// From home to a running test, and what stands in the way of one that must not run.
import { RUN_PAGE, addressOf, expect, fact, launchForm, settled, stop, test } from "../support/fixtures";
import type { Page } from "@playwright/test";

/** What the guardrails say of the form, beside it. */
const answer = (page: Page) => page.getByRole("complementary", { name: "May this run start" });
const runButton = (page: Page) => page.getByRole("button", { name: "Run", exact: true });

/** How many runs of a test are in the history. */
async function runsOf(page: Page, path: string): Promise<number> {
  await page.goto(`/runs?by=me&path=${path}`);
  return page.getByRole("main").getByRole("row").filter({ has: page.getByRole("rowheader") }).count();
}

test("two clicks lead from home to a running test", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/");
  await page.getByRole("main").getByRole("link", { name: /^Run\b.*\/shop\/cart\// }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("/shop/cart/");
  await runButton(page).click();
  await page.waitForURL(RUN_PAGE);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 15_000 });
  await stop(page);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("cancelled", { timeout: 20_000 });
});

test("the form says what would run, against what, and as whom", async ({ demo, seat }) => {
  const { page } = await seat("ana");
  await page.goto(launchForm({ path: "/shop/catalogue/" }));
  const panel = answer(page);
  await expect(panel).toContainText("May start");
  await expect(fact(panel, "Target")).toContainText(demo.service("staging", "catalogue"));
  await expect(fact(panel, "Acts as")).toHaveText("shop-staging/loadtest");
  await expect(fact(panel, "Grant")).toContainText("shop developers");
  await expect(fact(panel, "k6")).toHaveText("30 s, at most 1 min with 8 VUs");
  await expect(page.getByRole("row", { name: /browse\.js/ })).toContainText("ramping-vus");
});

test("too much load is refused while it is typed, and again when it is sent; what was typed stays", async ({ seat }) => {
  const { page, watch } = await seat("ana");
  watch.allow(/status of (403|409|422)/);
  await page.goto(launchForm({ path: "/shop/cart/", load: { vus: 5, duration: "20s" }, reason: "How much does it take" }));
  await expect(answer(page)).toContainText("May start");
  const vus = page.getByRole("textbox", { name: "VUs" });
  await expect(async () => {
    await vus.fill("51");
    await vus.press("End");
    await expect(answer(page)).toContainText("May not start like this", { timeout: 2_000 });
  }, "the answer follows what is typed").toPass({ timeout: 15_000 });
  await expect(answer(page)).toContainText("51 of 50");
  await expect(answer(page)).toContainText("The run would use 51 virtual users; the limit here is 50. Choose fewer.");
  await expect(runButton(page)).toBeDisabled();
  await expect(vus).toHaveValue("51");
  await expect(page.getByRole("textbox", { name: "Reason" })).toHaveValue("How much does it take");

  await vus.fill("50");
  await expect(answer(page)).toContainText("May start");
  await expect(runButton(page)).toBeEnabled();
});

test("without script the same refusal comes with the sent form, and the form keeps what was typed", async ({ seat }) => {
  const { page } = await seat("ana", { javaScriptEnabled: false });
  await page.goto(launchForm({ path: "/shop/cart/" }));
  await page.getByRole("radio", { name: /Load/ }).check();
  await page.getByRole("textbox", { name: "VUs" }).fill("400");
  await page.getByRole("textbox", { name: "Duration" }).fill("20s");
  await page.getByRole("textbox", { name: "Environment variables" }).fill("PAGES=3");
  await page.getByRole("textbox", { name: "Reason" }).fill("As much as there is");
  await runButton(page).click();
  await expect(page.getByRole("main")).toContainText("Not started");
  await expect(answer(page)).toContainText("the limit here is 50");
  await expect(page.getByRole("radio", { name: /Load/ })).toBeChecked();
  await expect(page.getByRole("textbox", { name: "VUs" })).toHaveValue("400");
  await expect(page.getByRole("textbox", { name: "Duration" })).toHaveValue("20s");
  await expect(page.getByRole("textbox", { name: "Environment variables" })).toHaveValue("PAGES=3");
  await expect(page.getByRole("textbox", { name: "Reason" })).toHaveValue("As much as there is");
});

test("without script a run can be launched, read and stopped", async ({ seat }) => {
  const { page } = await seat("ana", { javaScriptEnabled: false });
  await page.goto(launchForm({ path: "/shop-dev/cart/", load: { vus: 2, duration: "40s" } }));
  await runButton(page).click();
  await page.waitForURL(RUN_PAGE);
  const href = addressOf(page);
  await expect(async () => {
    await page.goto(href);
    expect(Number((await fact(page, "Requests").innerText()).match(/([\d,]+) in all/)?.[1]?.replaceAll(",", "") ?? 0)).toBeGreaterThan(0);
  }).toPass({ timeout: 20_000 });
  await stop(page);
  await expect(async () => {
    await page.goto(href);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("cancelled", { timeout: 1_000 });
  }).toPass({ timeout: 25_000 });
});

test("a double click on Run is one run", async ({ seat }) => {
  const { page } = await seat("ana");
  const path = "/shop/payments/";
  const before = await runsOf(page, path);
  await page.goto(launchForm({ path, load: { vus: 1, duration: "5s" } }));
  await runButton(page).dblclick();
  await page.waitForURL(RUN_PAGE);
  const href = addressOf(page);
  expect(await runsOf(page, path)).toBe(before + 1);
  await settled(page, { id: "", path, href });
});

test("the same form sent twice at once is one run", async ({ demo, seat }) => {
  const { page, context } = await seat("ana");
  const path = "/shop-dev/payments/";
  const before = await runsOf(page, path);
  await page.goto(launchForm({ path, load: { vus: 1, duration: "5s" } }));
  const form = await page.locator("form#launch").evaluate((element) => Object.fromEntries(new FormData(element as HTMLFormElement)) as Record<string, string>);
  const action = await page.locator("form#launch").evaluate((element) => (element as HTMLFormElement).action);
  const headers = { accept: "text/html", origin: demo.url, "sec-fetch-site": "same-origin" };
  const sent = await Promise.all([1, 2, 3].map(() => context.request.post(action, { form, headers, maxRedirects: 0 })));
  const led = new Set(sent.map((response) => response.headers().location));
  expect([...led], "all lead to the same run").toEqual([expect.stringMatching(RUN_PAGE)]);
  expect(await runsOf(page, path)).toBe(before + 1);
  await settled(page, { id: "", path, href: [...led][0] ?? "" });
});

test("a script that does not load is shown with k6's own message, and cannot be run", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/apps/shop/payments/gateway/?tab=tests");
  await expect(page.getByRole("main")).toContainText("authorise.js");
  await expect(page.getByRole("main")).toContainText("signature.js");
  await page.goto(launchForm({ path: "/shop/payments/gateway/" }));
  await expect(page.getByRole("region", { name: "k6’s message" })).toContainText(/signature\.js/);
  await expect(page.getByRole("radio", { name: /authorise\.js/ })).toBeDisabled();
  await expect(answer(page)).toContainText("May not start");
  await expect(runButton(page)).toBeDisabled();
});

test("a developer may not launch in prod, and is told why and who may", async ({ demo, seat }) => {
  const { page, context } = await seat("ana");
  await page.goto("/apps/shop-prod/cart/");
  await expect(page.getByRole("main")).toContainText("locked");
  await expect(page.getByRole("main").getByRole("link", { name: /^Run\b/ })).toHaveCount(0);
  await page.goto(launchForm({ path: "/shop-prod/cart/" }));
  await expect(answer(page)).toContainText("Locked");
  await expect(answer(page)).toContainText(/run\.launch|shop developers read prod|viewer/);
  await expect(runButton(page)).toHaveCount(0);
  // The button is not the lock.
  const forged = await context.request.post(`${demo.url}/api/fn/launch`, {
    form: { "request[path]": "/shop-prod/cart/", "request[test]": "services/cart/k6/cart.js", "request[profile]": "smoke", "request[once]": "forged" },
    headers: { accept: "application/json", origin: demo.url, "sec-fetch-site": "same-origin" },
  });
  expect(forged.status()).toBe(403);
});

test("an unknown field, an empty variable or a bad duration is told at the field", async ({ seat }) => {
  const { page } = await seat("ana", { javaScriptEnabled: false });
  await page.goto(launchForm({ path: "/shop/cart/", load: { vus: 2, duration: "soon" } }));
  await expect(page.locator("#duration-hint")).toContainText("90s, 6m or 1h30m");
  await expect(page.getByRole("textbox", { name: "Duration" })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByRole("textbox", { name: "Duration" })).toHaveValue("soon");
});
