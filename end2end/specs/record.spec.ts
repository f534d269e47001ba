// Who did what, who was refused what, and who may read it; what platform engineers and auditors see.
import { expect, launchForm, test } from "../support/fixtures";

test("a lead reads who launched what, and who of another team was refused", async ({ seat, finished }) => {
  const eli = await seat("eli");
  await eli.page.goto(finished.href);
  await eli.page.goto("/apps/shop/catalogue/");

  const { page } = await seat("ben");
  // Other specs have launched and read since: the filter finds what a page of the newest no longer holds.
  await page.goto("/audit?event=run.launch&path=/shop/catalogue/");
  const rows = page.getByRole("row");
  const launched = rows.filter({ hasText: "run.launch" }).filter({ hasText: "Ana Ruiz" }).filter({ hasText: "/shop/catalogue/" });
  await expect(launched.first()).toContainText("done");
  await expect(launched.first()).toContainText("shop-staging/loadtest");
  await page.goto("/audit");
  const read = rows.filter({ hasText: "run.read" }).filter({ hasText: "Eli Tanaka" });
  await expect(read.first()).toContainText("denied");
  const looked = rows.filter({ hasText: "access.denied" }).filter({ hasText: "Eli Tanaka" });
  await expect(looked.first()).toContainText("/shop/catalogue/");
});

test("the filters of the audit log stand in its address", async ({ seat, finished }) => {
  const { page } = await seat("ben");
  await page.goto("/audit");
  await page.getByLabel("Actor").fill("Ana");
  await page.getByLabel("Path").fill(finished.path);
  await page.getByLabel("Outcome").selectOption({ label: "done" });
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/actor=Ana/);
  await expect(page).toHaveURL(/outcome=done/);
  const rows = page.getByRole("table").first().getByRole("row").filter({ has: page.getByRole("rowheader") });
  await expect(rows.first()).toContainText("Ana Ruiz");
  // The address changes before the rows do: what is waited for is that no other row is left.
  await expect(rows.filter({ hasNotText: "Ana Ruiz" })).toHaveCount(0);
  await expect(rows.filter({ hasNotText: "done" })).toHaveCount(0);
  await expect(rows.first()).toContainText("Ana Ruiz");
  const address = page.url();
  await page.goto("/audit?outcome=denied&actor=Eli");
  await expect(page.getByRole("row").filter({ hasText: "Ana Ruiz" })).toHaveCount(0);
  await page.goto(address);
  await expect(rows.first(), "the address alone is the whole state").toContainText("Ana Ruiz");
});

test("what is typed before the page wakes is kept", async ({ seat }) => {
  const { page } = await seat("ben");
  await page.addInitScript(() => {
    // Forms are taken over by a listener; without one the browser would send them by itself.
    const listen = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
      if (type === "submit" && this instanceof Element) this.setAttribute("data-awake", "");
      return listen.call(this, type, ...rest);
    };
  });
  let wake = (): void => undefined;
  const asleep = new Promise<void>((resolve) => { wake = resolve; });
  await page.route(/\.wasm(\?|$)/, async (route) => {
    await asleep;
    await route.continue();
  });
  await page.goto("/audit?path=/shop/", { waitUntil: "commit" });
  await page.getByLabel("Actor").fill("Ana");
  await page.getByLabel("Outcome").selectOption({ label: "done" });
  const form = page.getByRole("search", { name: "Filter events" });
  await expect(form).not.toHaveAttribute("data-awake");
  wake();
  await expect(form).toHaveAttribute("data-awake");
  await expect(page.getByLabel("Actor")).toHaveValue("Ana");
  await expect(page.getByLabel("Outcome")).toHaveValue("done");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page, "what is empty is no part of the address").toHaveURL(/\/audit\?path=%2Fshop%2F&actor=Ana&outcome=done$/);
  const rows = page.getByRole("table").first().getByRole("row").filter({ has: page.getByRole("rowheader") });
  await expect(rows.filter({ hasNotText: "Ana Ruiz" })).toHaveCount(0);
  await page.goBack();
  await expect(rows.filter({ hasNotText: "Ana Ruiz" })).not.toHaveCount(0);
  await expect(page.getByLabel("Actor"), "and follows the address from then on").toHaveValue("");
});

test("an entry opens with its whole chain: who, through which grant, under which policy, from where", async ({ seat, finished }) => {
  const { page } = await seat("ben");
  await page.goto(`/audit?event=run.launch&path=${finished.path}&actor=Ana`);
  const row = page.getByRole("row").filter({ hasText: "run.launch" }).last();
  await row.getByRole("link").first().click();
  await expect(page).toHaveURL(/entry=\d+/);
  const detail = page.getByRole("complementary");
  await expect(detail).toContainText("shop developers");
  await expect(detail).toContainText("tester");
  await expect(detail).toContainText("shop-dev");
  await expect(detail).toContainText("Before the sale");
  await expect(detail).toContainText("127.0.0.1");
  await expect(detail).toContainText(/[0-9a-f]{8,}/);
});

test("a lead reads the record of their own paths only", async ({ seat }) => {
  const eli = await seat("eli");
  await eli.page.goto("/search/");
  const { page } = await seat("ben");
  await page.goto("/audit");
  await expect(page.getByRole("row").filter({ hasText: "/search/" })).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("/shop/");
});

test("the auditor reads everything and launches nothing", async ({ demo, seat, finished }) => {
  const { page, context } = await seat("dora");
  await page.goto("/audit");
  await expect(page.getByRole("row").filter({ hasText: "session.login" }).first()).toBeVisible();
  await page.goto(`/audit?event=run.launch&path=${finished.path}`);
  await expect(page.getByRole("row").filter({ hasText: "Ana Ruiz" }).first()).toBeVisible();
  expect((await page.goto(finished.href))?.status()).toBe(200);
  await page.goto("/");
  await expect(page.getByRole("main").getByRole("link", { name: /^Run\b.*\// })).toHaveCount(0);
  await page.goto(launchForm({ path: "/shop/catalogue/" }));
  await expect(page.getByRole("complementary", { name: "May this run start" })).toContainText("Locked");
  const forged = await context.request.post(`${demo.url}/api/fn/launch`, {
    form: { "request[path]": "/shop/catalogue/", "request[test]": "", "request[profile]": "smoke" },
    headers: { accept: "application/json", origin: demo.url, "sec-fetch-site": "same-origin" },
  });
  expect(forged.status()).toBe(403);
  await page.goto("/audit?outcome=denied&event=run.launch");
  await expect(page.getByRole("row").filter({ hasText: "Dora Weiss" }).first(), "her own refusal stands there too").toBeVisible();
});

test("reading the record stands in the record", async ({ seat }) => {
  const { page } = await seat("dora");
  await page.goto("/audit?event=audit.read");
  await expect(page.getByRole("row").filter({ hasText: "Dora Weiss" }).filter({ hasText: "audit.read" }).first()).toBeVisible();
});

test("a platform engineer reads policy and system", async ({ seat }) => {
  const { page } = await seat("chris");
  await page.goto("/policy");
  await expect(page.getByRole("main")).toContainText("shop developers");
  await expect(page.getByRole("main")).toContainText("apiVersion: windfirm.dev/v1");
  await page.goto("/system");
  for (const part of ["store", "tree", "policy", "k6", "confinement"]) await expect(page.getByRole("main")).toContainText(part);
});

test("a platform engineer asks what somebody of a group may do, and why", async ({ seat }) => {
  const { page } = await seat("chris");
  await page.goto("/access?path=/shop/cart/&groups=shop-dev");
  const row = (action: string) => page.getByRole("row").filter({ hasText: action }).first();
  await expect(row("run.launch")).toContainText(/shop developers/);
  await expect(page.getByRole("main")).toContainText("shop-staging/loadtest");
  await page.goto("/access?path=/shop-prod/cart/&groups=shop-dev&action=run.launch");
  await expect(page.getByRole("main")).toContainText(/run\.launch/);
  await expect(page.getByRole("main")).toContainText(/no|not|refused|locked|denied/i);
});

test("everybody sees their own access, and only those who may ask about others", async ({ seat }) => {
  const ana = await seat("ana");
  await ana.page.goto("/access?path=/shop/cart/");
  await expect(ana.page.getByRole("main")).toContainText("shop developers");
  await expect(ana.page.getByRole("main")).toContainText("shop-staging/loadtest");
  const asked = await ana.page.goto("/access?path=/shop/cart/&groups=shop-leads");
  expect(asked?.status()).toBe(403);
});
