// What companies run: log-in, groups and log-out against a real Keycloak, with `windfirm serve` and its configuration file.
import type { Page } from "@playwright/test";
import { addressOf, expect, test } from "../support/fixtures";
import { Keycloak, missing } from "../support/keycloak";
import { freePorts } from "../support/process";
import { Served } from "../support/served";
import { Watch } from "../support/watch";

test.describe.configure({ timeout: 240_000 });

/** From our login page through Keycloak's form. */
async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.getByRole("main").getByRole("button", { name: /Company Keycloak/ }).click();
  await page.getByLabel("Username or email").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign In" }).click();
}

test("Keycloak: log-in, groups that decide, and a log-out that ends its session too", async ({ browser, demo }) => {
  const lacking = missing();
  expect(process.env.WINDFIRM_REQUIRE_KEYCLOAK && lacking, "Java and Maven are here, so this test may not be skipped").toBeFalsy();
  test.skip(lacking !== undefined, lacking);
  const port = await freePorts(1);
  const portal = `http://127.0.0.1:${port}`;
  const keycloak = await Keycloak.start(portal, [
    { user: "ana", first: "Ana", last: "Ruiz", group: "shop-dev" },
    { user: "eli", first: "Eli", last: "Tanaka", group: "search-dev" },
  ]);
  let served: Served | undefined;
  try {
    served = await Served.start(demo, port, keycloak);
    const context = await browser.newContext({ baseURL: portal });
    // Keycloak's own pages are not ours to judge; ours must be as clean as ever.
    const watch = new Watch(context, () => [portal, new URL(keycloak.issuer).origin]);
    watch.allow(new RegExp(`on ${new URL(keycloak.issuer).origin}`));
    const page = await context.newPage();

    await test.step("the log-in leads back to the page that was asked for", async () => {
      await page.goto("/apps/shop/catalogue/");
      await logIn(page, "ana", keycloak.password);
      await page.waitForURL(`${portal}/apps/shop/catalogue/`);
      await expect(page.getByRole("banner")).toContainText("Ana Ruiz");
      await expect(page.getByRole("banner")).toContainText("shop-dev");
    });

    await test.step("groups from Keycloak decide what may be launched", async () => {
      await page.goto("/launch?path=/shop/catalogue/");
      const answer = page.getByRole("complementary", { name: "May this run start" });
      await expect(answer).toContainText("May start");
      await expect(answer).toContainText("shop-staging/loadtest");
      expect((await page.goto("/apps/search/query/"))?.status()).toBe(404);
    });

    await test.step("logging out ends Keycloak's session: the next log-in asks for the password again", async () => {
      await page.goto("/");
      await page.getByRole("banner").locator("summary", { hasText: "Ana Ruiz" }).click();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.waitForURL(/\/logged-out/);
      await page.goto("/tree");
      expect(addressOf(page)).toBe("/login");
      await page.getByRole("main").getByRole("button", { name: /Company Keycloak/ }).click();
      await expect(page.getByLabel("Password", { exact: true }), "no silent way back in").toBeVisible();
    });

    await test.step("somebody of another group sees another tree", async () => {
      await page.goto("/");
      await logIn(page, "eli", keycloak.password);
      await page.waitForURL(`${portal}/`);
      await expect(page.getByRole("banner")).toContainText("Eli Tanaka");
      expect((await page.goto("/apps/shop/catalogue/"))?.status()).toBe(404);
      expect((await page.goto("/apps/search/query/"))?.status()).toBe(200);
    });

    await test.step("a wrong password never reaches the portal", async () => {
      const other = await browser.newContext({ baseURL: portal });
      const stranger = await other.newPage();
      await stranger.goto("/");
      await logIn(stranger, "ana", "wrong");
      await expect(stranger.getByText(/invalid username or password/i)).toBeVisible();
      await stranger.goto("/tree");
      expect(addressOf(stranger)).toBe("/login");
      await other.close();
    });

    await context.close();
    expect(watch.complaints).toEqual([]);
  } finally {
    await served?.end();
    await keycloak.end();
  }
});
