// The portal on a real Kubernetes, as people see it: the live tree, a run of three runners, a right that goes and comes back.
import { expect, test as base } from "@playwright/test";
import { ClusterPortal, mayStart, needCluster, open, seat } from "../support/cluster";
import { RUN_PAGE, addressOf, fact, launchForm, settled, stop, verdict, type Run } from "../support/fixtures";
import { bones, look } from "../support/sight";

const test = base.extend<object, { portal: ClusterPortal }>({
  portal: [
    async ({}, use) => {
      const portal = await ClusterPortal.start();
      await use(portal);
      await portal.end();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});
test.describe.configure({ timeout: 180_000 });
needCluster();

const CART = launchForm({ path: "/shop/cart/", load: { vus: 6, duration: "120s" }, reason: "Three at once" });

test("a run of three runners is launched, seen live, stopped and read, as the mapped account", async ({ browser, portal }) => {
  const wrong: string[] = [];
  const { page, leave } = await seat(browser, portal, "ana");
  const see = async (name: string) => {
    wrong.push(...(await bones(page, name)), ...(await look(page, `cluster-ana-${name}`)));
    await page.setViewportSize({ width: 1400, height: 900 });
  };
  await open(page, CART);
  await expect(mayStart(page)).toContainText("home");
  await page.getByLabel("Runners").fill("3");
  await expect(mayStart(page)).toContainText("May start");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/runs\/[0-9a-f]{32}$/);
  const run = { id: page.url().slice(-32), path: "/shop/cart/", href: new URL(page.url()).pathname };
  await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 60_000 });
  const runs = JSON.parse(portal.hand(["-n", "shop-staging", "get", "testruns", "-l", `windfirm.dev/run=${run.id}`, "-o", "json"])) as { items: { spec: { parallelism: number } }[] };
  expect(runs.items.map(({ spec }) => spec.parallelism)).toEqual([3]);
  const requests = async () => Number((await fact(page, "Requests").innerText()).match(/([\d,]+) in all/)?.[1]?.replaceAll(",", "") ?? 0);
  await expect.poll(requests, { message: "numbers come without a reload", timeout: 20_000 }).toBeGreaterThan(0);
  await expect(page.getByText(/measured (just now|[1-3] s ago)/), "not older than three seconds").toBeVisible();
  await expect(page.locator(".facts-line").first()).toContainText("home, 3 runners");
  await see("run-live");
  await stop(page);
  await settled(page, run);
  await expect(verdict(page)).toContainText("Cancelled");
  await expect(verdict(page)).toContainText("Ana Ruiz stopped this run");
  expect(await requests()).toBeGreaterThan(0);
  await see("run-stopped");
  await expect.poll(() => portal.hand(["-n", "shop-staging", "get", "testruns", "-l", `windfirm.dev/run=${run.id}`, "-o", "name"]), { timeout: 30_000 }).toBe("");
  await leave();
  expect(wrong).toEqual([]);
});

test("a run that passes, one that loses a runner and one that the cluster ends are read as what they are", async ({ browser, portal }) => {
  const space = ["-n", "shop-staging"];
  const wrong: string[] = [];
  const { page, leave } = await seat(browser, portal, "ana");
  const measuring = async (duration: string): Promise<{ run: Run; testRun: string }> => {
    await open(page, launchForm({ path: "/shop/cart/", load: { vus: 2, duration }, reason: `For ${duration}` }));
    await page.getByLabel("Runners").fill("2");
    await expect(mayStart(page)).toContainText("May start");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForURL(RUN_PAGE);
    const run = { id: page.url().slice(-32), path: "/shop/cart/", href: addressOf(page) };
    await expect(page.getByRole("heading", { level: 1 })).toContainText("running", { timeout: 60_000 });
    return { run, testRun: portal.hand([...space, "get", "testruns", "-l", `windfirm.dev/run=${run.id}`, "-o", "jsonpath={.items[0].metadata.name}"]) };
  };
  const read = async (run: Run, name: string, ...told: string[]) => {
    await settled(page, run, 90_000);
    for (const words of told) await expect(page.locator("main")).toContainText(words);
    await page.setViewportSize({ width: 1400, height: 900 });
    wrong.push(...(await bones(page, name)), ...(await look(page, `cluster-ana-run-${name}`)));
    await page.setViewportSize({ width: 1400, height: 900 });
  };
  await read((await measuring("8s")).run, "passed", "Pass", "Received all that k6 counted");
  const lost = await measuring("20s");
  portal.hand([...space, "delete", "pods", "-l", `job-name=${lost.testRun}-2`, "--force", "--grace-period=0"]);
  await read(lost.run, "lost-runner", "Inconclusive", "The pod of runner 2 was deleted by somebody");
  const refused = await measuring("120s");
  try {
    portal.hand([...space, "delete", "rolebinding", "windfirm-portal"]);
    await read(refused.run, "refused", "Error", "The cluster refused in the middle of the run");
  } finally {
    portal.restore("shop-staging");
  }
  await open(page, CART);
  await leave();
  expect(wrong).toEqual([]);
});

test("who loses a right is told on every page, and launching is locked until it is back", async ({ browser, portal }) => {
  const wrong: string[] = [];
  const { page, leave } = await seat(browser, portal, "ana");
  await open(page, CART);
  try {
    portal.hand(["-n", "shop-staging", "delete", "rolebinding", "windfirm-runs-loadtest"]);
    const lost = /shop-staging\/loadtest lacks \d+ rights in namespace shop-staging: create, get, list, watch, delete testruns/;
    const within = Date.now() + 15_000;
    const pages = { app: "/apps/shop/cart/", access: "/access", tree: "/tree?open=all" };
    for (const address of Object.values(pages)) {
      await expect(async () => {
        await page.goto(address);
        // What opens on a click is on the page all the same.
        expect(await page.locator("main").evaluate((main) => main.textContent), address).toMatch(lost);
      }).toPass({ timeout: Math.max(1, within - Date.now()) });
    }
    await page.goto(CART);
    await expect(mayStart(page)).not.toContainText("May start");
    await expect(page.locator("main")).toContainText(lost);
    await expect(page.getByRole("button", { name: "Run", exact: true })).toBeDisabled();
    for (const [name, address] of Object.entries({ ...pages, launch: CART })) {
      await page.setViewportSize({ width: 1400, height: 900 });
      await page.goto(address);
      wrong.push(...(await bones(page, address)), ...(await look(page, `cluster-ana-right-lost-${name}`)));
    }
  } finally {
    portal.restore("shop-staging");
  }
  await open(page, CART);
  await leave();
  expect(wrong).toEqual([]);
});

test("a Secret of the tests is told with its age, and tried by the smoke test after it changed", async ({ browser, portal }) => {
  const space = "shop-staging";
  const secret = "windfirm-browser-cart-user";
  const wrong: string[] = [];
  const { page, leave } = await seat(browser, portal, "ana");
  const section = page.getByRole("region", { name: "Secrets of the tests", exact: true });
  const until = (text: RegExp) =>
    expect(async () => {
      await page.goto("/apps/shop/cart/");
      await expect(section).toContainText(text, { timeout: 1_000 });
    }).toPass({ timeout: 30_000 });
  try {
    portal.rule(space, `secrets:\n  - { name: a test user, on: [/shop/cart/], in: [staging], from: { name: ${secret}, keys: { TEST_USER: username } } }\n`);
    await until(/not found/);
    wrong.push(...(await look(page, "cluster-ana-secret-missing")));
    portal.hand(["-n", space, "create", "secret", "generic", secret, "--from-literal=username=never-shown"]);
    await until(/kubectl-create/);
    await expect(section).toContainText("TEST_USER");
    expect(await page.content()).not.toContain("never-shown");
    wrong.push(...(await bones(page, "/apps/shop/cart/")), ...(await look(page, "cluster-ana-secret")));
    await section.getByRole("link", { name: /^Try it/ }).click();
    await page.waitForURL(/\/launch\?/);
    await open(page, page.url());
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForURL(/\/runs\/[0-9a-f]{32}$/);
    await expect(page.locator("main")).toContainText(secret);
    await stop(page);
    await settled(page, { id: page.url().slice(-32), path: "/shop/cart/", href: new URL(page.url()).pathname });

    await page.goto("/apps/shop/cart/");
    await section.getByRole("link", { name: /^Try when it changes/ }).click();
    await page.waitForURL(/\/launch\?/);
    await open(page, page.url());
    await expect(page.getByLabel("Start", { exact: true })).toHaveValue(secret);
    wrong.push(...(await look(page, "cluster-ana-launch-after")));
    await page.getByRole("button", { name: "Run when it changes", exact: true }).click();
    await page.waitForURL(/\/runs\/[0-9a-f]{32}$/);
    await expect(verdict(page)).toContainText(`It starts when Secret ${secret} is changed.`);
    wrong.push(...(await bones(page, page.url())), ...(await look(page, "cluster-ana-waiting")));
    const waiting = { id: page.url().slice(-32), path: "/shop/cart/", href: new URL(page.url()).pathname };
    await page.goto("/apps/shop/cart/");
    await expect(section).toContainText("starts when it changes");
    wrong.push(...(await look(page, "cluster-ana-secret-awaited")));
    await page.goto(waiting.href);
    portal.hand(["-n", space, "patch", "secret", secret, "--field-manager=rotator", "-p", '{"stringData":{"username":"never-shown-either"}}']);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(/running|starting/, { timeout: 60_000 });
    await expect(page.locator("main")).toContainText(`Secret ${secret} was changed by “rotator”`);
    await stop(page);
    await settled(page, waiting);
  } finally {
    portal.hand(["-n", space, "delete", "--ignore-not-found", "secret", secret]);
    portal.rule(space, "");
  }
  await leave();
  expect(wrong).toEqual([]);
});

test("what the cluster says is on the pages, clean in both themes, wide and narrow", async ({ browser, portal }) => {
  const wrong: string[] = [];
  const { page, leave } = await seat(browser, portal, "ana");
  await open(page, CART);
  await page.goto("/tree?open=all");
  await expect(page.locator("main")).toContainText(/degraded/i);
  await page.goto("/apps/shop-dev/shipping/");
  await expect(page.locator("main")).toContainText(/degraded/i);
  for (const [name, address] of [["tree", "/tree?open=all"], ["tree-table", "/tree?view=table"], ["app", "/apps/shop-dev/shipping/"], ["app-good", "/apps/shop/cart/"], ["access", "/access"], ["launch", CART]] as const) {
    await page.setViewportSize({ width: 1400, height: 900 });
    await page.goto(address);
    wrong.push(...(await bones(page, address)), ...(await look(page, `cluster-ana-${name}`)));
  }
  await leave();
  const chris = await seat(browser, portal, "chris");
  for (const [name, address] of [["access", "/access"], ["system", "/system"]] as const) {
    await chris.page.setViewportSize({ width: 1400, height: 900 });
    await chris.page.goto(address);
    wrong.push(...(await bones(chris.page, address)), ...(await look(chris.page, `cluster-chris-${name}`)));
  }
  await chris.leave();
  expect(wrong).toEqual([]);
});
