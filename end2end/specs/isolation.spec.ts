// Another team: neither the app nor the run, in no list, count, search, address, stream, log or error text.
import { addressOf, expect, launch, stop, test, text, verdict } from "../support/fixtures";

/** What no answer to Eli may hold. His own tree stands at /search/. */
const FOREIGN = /\/shop|catalogue|storefront|payments|ledger|gateway|shipping|shop-(dev|staging|prod)|Before the sale|Ana Ruiz|browse\.js|checkout/i;

test("home, tree, history and search show only what is theirs", async ({ seat, finished }) => {
  expect(finished.path).toBe("/shop/catalogue/");
  const { page } = await seat("eli");
  for (const address of ["/", "/tree", "/tree?open=all", "/tree?view=table", "/tree?q=cat", "/tree?verdict=fail", "/runs", "/runs?path=/shop/", "/runs?by=ana", "/runs?test=browse", "/access", "/launch"]) {
    const response = await page.goto(address);
    expect(response?.status(), address).toBe(200);
    // What he asked for himself stands in the filters.
    expect(await page.getByRole("main").innerText(), address).not.toMatch(FOREIGN);
    const html = (await response?.text()) ?? "";
    // Attributes of his own form with its fixed example, and the one echo of his question in what is sent for the script.
    const data = html.replaceAll(/(value|href|action|placeholder)="[^"]*"/g, "").replace(/(\\?"path\\?":\s*)\\?"\/shop\/\\?"/, "$1");
    expect(data.match(new RegExp(FOREIGN, "gi")) ?? [], `${address}, with what is sent for the script`).toEqual([]);
  }
  await page.goto("/tree?open=all");
  await expect(page.getByRole("treegrid").getByRole("row").filter({ hasText: "query" })).toHaveCount(1);
});

test("filters offer only environments of apps that are theirs", async ({ seat }) => {
  const { page } = await seat("eli");
  await page.goto("/tree");
  const offered = await page.getByLabel("Environment").locator("option").allInnerTexts();
  expect(offered.join(" ")).not.toMatch(/prod|dev/);
});

test("addresses of foreign apps answer like addresses of nothing", async ({ seat }) => {
  const { page } = await seat("eli");
  const missing = await page.goto("/apps/nothing/here/");
  expect(missing?.status()).toBe(404);
  const words = await text(page);
  for (const address of ["/apps/shop/", "/apps/shop/catalogue/", "/apps/shop/catalogue/?tab=tests", "/apps/shop-prod/payments/?tab=access"]) {
    const response = await page.goto(address);
    expect(response?.status(), address).toBe(404);
    expect(await text(page), address).toBe(words);
  }
  for (const address of ["/launch?path=/shop/catalogue/", "/access?path=/shop/catalogue/"]) {
    const response = await page.goto(address);
    expect(response?.status(), address).toBe(404);
    expect(await page.getByRole("main").innerText(), address).not.toMatch(FOREIGN);
  }
});

test("the stream, the log, the data calls and the changing calls answer 404 for a foreign run, live or not", async ({ demo, seat, finished }) => {
  const ana = await seat("ana");
  const live = await launch(ana.page, { path: "/shop/shipping/".replace("shipping", "cart"), load: { vus: 1, duration: "30s" } });
  const { context } = await seat("eli");
  const headers = { accept: "application/json", origin: demo.url, "sec-fetch-site": "same-origin" };
  const nothing = "01935c7e8b1a70008000123456789abc";
  for (const id of [live.id, finished.id]) {
    for (const address of [`/runs/${id}/events`, `/runs/${id}/log`, `/runs/${id}/log?from=0`, `/api/fn/run?id=${id}`, `/api/fn/log?id=${id}&from=0`]) {
      const foreign = await context.request.get(demo.url + address, { headers });
      const missing = await context.request.get(demo.url + address.replace(id, nothing), { headers });
      expect([address, foreign.status(), missing.status()]).toEqual([address, 404, 404]);
      if (!address.endsWith("/log") && !address.includes("/log?from")) expect(await foreign.text(), address).toBe(await missing.text());
    }
    const stopped = await context.request.post(`${demo.url}/api/fn/stop`, { form: { id }, headers });
    expect(stopped.status()).toBe(404);
    expect(await stopped.text()).not.toMatch(FOREIGN);
  }
  const judged = await context.request.post(`${demo.url}/api/fn/judge`, { form: { "request[path]": "/shop/catalogue/", "request[test]": "", "request[profile]": "smoke" }, headers });
  expect(judged.status()).toBe(404);
  const launched = await context.request.post(`${demo.url}/api/fn/launch`, { form: { "request[path]": "/shop/catalogue/", "request[test]": "", "request[profile]": "smoke" }, headers });
  expect(launched.status()).toBe(404);
  expect(await launched.text()).not.toMatch(FOREIGN);
  await stop(ana.page);
  await expect(verdict(ana.page)).toContainText("Cancelled", { timeout: 20_000 });
});

test("the menu has no place that is not theirs, and its address explains itself", async ({ seat }) => {
  const { page } = await seat("eli");
  await page.goto("/");
  for (const place of ["Audit", "Policy", "System"]) await expect(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: place })).toHaveCount(0);
  for (const address of ["/audit", "/policy", "/system"]) {
    const response = await page.goto(address);
    expect(response?.status(), address).toBe(403);
    await expect(page.getByRole("main")).toContainText(/may not|grant/);
    expect(addressOf(page)).toBe(address);
  }
});

test("a form from another site changes nothing", async ({ demo, seat, finished }) => {
  const { context } = await seat("ana");
  const hostile = { accept: "text/html", origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  for (const [address, form] of [
    ["/api/fn/launch", { "request[path]": "/shop/cart/", "request[test]": "", "request[profile]": "smoke" }],
    ["/api/fn/stop", { id: finished.id }],
    ["/logout", {}],
    ["/theme", { theme: "dark", to: "/" }],
  ] as const) {
    const response = await context.request.post(demo.url + address, { form: { ...form }, headers: hostile, maxRedirects: 0 });
    expect([address, response.status()]).toEqual([address, 403]);
  }
  expect((await context.request.get(`${demo.url}/tree`, { headers: { accept: "text/html" }, maxRedirects: 0 })).status(), "still logged in").toBe(200);
});
