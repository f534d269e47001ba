// Two clusters, one of which goes away and comes back: its part of the tree is old and its launches are locked, and the other one's are not.
import { expect, test as base, type Locator, type Page } from "@playwright/test";
import { randomBytes } from "node:crypto";
import { ClusterPortal, mayStart, needCluster, open, seat } from "../support/cluster";
import { fact, launchForm } from "../support/fixtures";
import { bones, look } from "../support/sight";
import { Way } from "../support/way";

/** The API server of the tests once more, by a way that can be closed and with an Argo CD in a namespace of the test's own. */
interface Far {
  space: string;
  way: Way;
  portal: ClusterPortal;
}

const ADDRESS = "https://far.windfirm.example:6443";
const SOURCE = { repoURL: "https://git.demo.windfirm.dev/shop/deploy.git", targetRevision: "main", path: "services/cart" };

/** What Argo CD has there once it looked: an app of the shop's repository, so that its tests are found. */
const objects = (space: string) => [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: space } },
  {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AppProject",
    metadata: { name: "default", namespace: space },
    spec: { sourceRepos: ["*"], destinations: [{ server: "*", namespace: "*" }] },
  },
  {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name: "far-cart", namespace: space, annotations: { "windfirm.dev/target": "http://cart.shop-staging.svc.cluster.local" } },
    spec: { project: "default", source: SOURCE, destination: { server: ADDRESS, namespace: "shop-staging" } },
    status: {
      health: { status: "Healthy" },
      sync: { status: "Synced", comparedTo: { source: SOURCE, destination: { server: ADDRESS, namespace: "shop-staging" } } },
      reconciledAt: new Date().toISOString(),
    },
  },
];

const test = base.extend<{ far: Far }>({
  far: async ({}, use) => {
    const space = `windfirm-far-${randomBytes(4).toString("hex")}`;
    const way = await Way.begin();
    try {
      const portal = await ClusterPortal.start({
        homeReads: ["argocd", "argocd-dev", "argocd-prod", "argocd-search"],
        sites: [{ name: "far", kubeconfig: way.kubeconfig, known_as: [ADDRESS], argocd: { namespace: space } }],
        grants: ['{ name: "shop developers, far", to: [{ group: shop-dev }], role: tester, on: [/far-cart/], in: [staging], as: shop-staging/loadtest }'],
      });
      try {
        portal.hand(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects(space) }));
        await use({ space, way, portal });
      } finally {
        await portal.end();
        portal.hand(["delete", "--ignore-not-found", "--wait=false", "namespace", space]);
      }
    } finally {
      await way.end();
    }
  },
});
test.describe.configure({ timeout: 240_000 });
needCluster();

const APP = "/apps/far-cart/";
const TREE = "/tree?open=all";
const CART = launchForm({ path: "/shop/cart/", load: { vus: 1, duration: "10s" } });
const FAR_CART = launchForm({ path: "/far-cart/", load: { vus: 1, duration: "10s" } });
const OLD = /far,? was last heard of (\d+ s|\d+ min) ago/;
const LOCKED = /The cluster far has not been reached for .+, so nothing can be started there/;

const main = (page: Page) => page.locator("main");
const row = (page: Page) => page.getByRole("treegrid").getByRole("row").filter({ has: page.getByRole("link", { name: "far-cart", exact: true }) });

/** Loads a page again and again until that stands there. */
async function until(page: Page, address: string, where: (page: Page) => Locator, text: RegExp): Promise<void> {
  await expect(async () => {
    await page.goto(address);
    await expect(where(page)).toContainText(text, { timeout: 500 });
  }).toPass({ timeout: 30_000 });
}

test("a cluster that is away is told with its age, locks its own launches alone, and comes back by itself", async ({ browser, far: { space, way, portal } }) => {
  const wrong: string[] = [];
  const ana = await seat(browser, portal, "ana");
  const chris = await seat(browser, portal, "chris");
  const { page } = ana;

  await open(page, FAR_CART);
  await expect(fact(page, "Cluster")).toHaveText("far");
  await open(page, CART);
  await expect(fact(page, "Cluster")).toHaveText("home");
  await page.goto(TREE);
  await expect(row(page)).toContainText(/healthy/i);
  await expect(row(page)).not.toContainText("as of");
  await page.goto(APP);
  await expect(fact(page, "Key")).toHaveText(`far / ${space} / Application / far-cart`);
  await expect(page.getByRole("region", { name: "In the cluster" })).toContainText(/far, heard/);
  wrong.push(...(await look(page, "clusters-ana-app-heard")));

  way.close();
  portal.hand(["-n", space, "patch", "applications.argoproj.io", "far-cart", "--type=merge", "-p", '{"status":{"health":{"status":"Degraded"}}}']);
  await until(page, TREE, main, OLD);
  await expect(row(page), "what was known of it stays").toContainText(/healthy.*as of (\d+ s|\d+ min) ago/i);
  await expect(page.getByRole("region", { name: "Trouble with the tree" })).not.toContainText("home");
  wrong.push(...(await bones(page, TREE)), ...(await look(page, "clusters-ana-tree")));
  await until(page, APP, main, LOCKED);
  await expect(page.getByRole("region", { name: "Trouble with this app" })).toContainText(OLD);
  await expect(page.getByRole("region", { name: "In the cluster" })).toContainText(OLD);
  wrong.push(...(await bones(page, APP)), ...(await look(page, "clusters-ana-app")));
  await page.goto(FAR_CART);
  await expect(mayStart(page)).toContainText(LOCKED);
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeDisabled();
  wrong.push(...(await bones(page, FAR_CART)), ...(await look(page, "clusters-ana-launch")));
  await until(chris.page, "/system", main, /far cannot be reached/);
  await expect(chris.page.getByRole("row", { name: /^far/ })).toContainText(/away\s*since (\d+ s|\d+ min) ago: /);
  wrong.push(...(await bones(chris.page, "/system")), ...(await look(chris.page, "clusters-chris-system")));

  await page.goto(CART);
  await expect(mayStart(page), "the other cluster goes on").toContainText("May start");
  await page.goto("/apps/shop/cart/");
  await expect(main(page)).not.toContainText("was last heard of");

  way.reopen();
  await open(page, FAR_CART);
  await until(page, TREE, row, /degraded/i);
  await expect(row(page)).not.toContainText("as of");
  await expect(main(page)).not.toContainText("was last heard of");
  await chris.page.goto("/system");
  await expect(main(chris.page)).not.toContainText("cannot be reached");
  await ana.leave();
  await chris.leave();
  expect(wrong).toEqual([]);
});
