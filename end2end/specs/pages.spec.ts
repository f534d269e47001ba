// Every page, for everybody who may see it, in both themes, wide and narrow: axe finds nothing, nothing scrolls sideways.
// (That no page complains in the console or breaks the content security policy is held by every test; see `support/watch.ts`.)
import { everybody, expect, launch, launchForm, people, settled, stop, test, type Person } from "../support/fixtures";
import { bones, look } from "../support/sight";

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
