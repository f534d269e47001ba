// Coming and going: the demo's provider, the page that was asked for, and a log-out that ends the session for good.
import { addressOf, choose, everybody, expect, loginAs, people, test } from "../support/fixtures";

for (const person of everybody) {
  test(`${people[person].name} is chosen at the identity provider and lands home`, async ({ demo, seat }) => {
    const { page } = await seat();
    await page.goto("/");
    expect(addressOf(page), "nobody sees anything before they are logged in").toBe("/login");
    await page.getByRole("main").getByRole("button", { name: /demo identity provider/i }).click();
    expect(new URL(page.url()).origin, "the choice is made at the provider").toBe(demo.issuer);
    await page.getByRole("button", { name: people[person].name }).click();
    await page.waitForURL(`${demo.url}/`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("banner")).toContainText(people[person].name);
    await expect(page.getByRole("banner")).toContainText(people[person].groups[0]);
  });
}

test("after the log-in stands the page that was asked for, with its query", async ({ demo, seat }) => {
  const { page } = await seat();
  await loginAs(page, demo.url, "ana", "/runs?state=failed&env=staging");
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  await expect(page.getByLabel("State", { exact: true })).toHaveValue("failed");
});

test("a log-in leads to no other place than our own", async ({ demo, seat }) => {
  for (const foreign of ["https://evil.example/", "//evil.example/", "/\\evil.example"]) {
    const { page, context } = await seat();
    await page.goto(`/login?return_to=${encodeURIComponent(foreign)}`);
    await choose(page, "ana");
    await page.waitForURL((url) => url.origin === demo.url && url.pathname !== "/login" && !url.pathname.includes("callback"));
    await expect(page.getByRole("banner")).toContainText("Ana Ruiz");
    await context.close();
  }
});

test("whoever turns back at the provider is told so, and may try again", async ({ seat }) => {
  const { page } = await seat();
  await page.goto("/tree");
  await page.getByRole("main").getByRole("button", { name: /demo identity provider/i }).click();
  await page.getByRole("button", { name: /nobody/i }).click();
  await expect(page.getByRole("main")).toContainText(/not (be )?(logged in|completed)|did not|declined|refused|nobody|denied/i);
  const again = page.getByRole("main").getByRole("link", { name: /log in|try again/i }).or(page.getByRole("main").getByRole("button", { name: /log in|try again|demo identity provider/i }));
  await expect(again.first()).toBeVisible();
});

test("logging out ends the session: the old cookie is dead, at the portal and in other tabs", async ({ demo, seat }) => {
  const { page, context } = await seat();
  await loginAs(page, demo.url, "ana");
  const stolen = (await context.cookies(demo.url)).find((cookie) => cookie.name === "windfirm");
  expect(stolen, "the session cookie is there").toBeDefined();
  expect(stolen?.httpOnly, "no script reads it").toBe(true);
  const ask = (accept: string, path: string) =>
    fetch(demo.url + path, { headers: { cookie: `windfirm=${stolen?.value}`, accept }, redirect: "manual" });
  expect((await ask("text/html", "/tree")).status, "the cookie alone is enough before").toBe(200);

  await page.getByRole("banner").locator("summary", { hasText: "Ana Ruiz" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(/\/logged-out/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(/logged out/i);

  const after = await ask("text/html", "/tree");
  expect([after.status, after.headers.get("location")]).toEqual([303, "/login?return_to=%2Ftree"]);
  expect((await ask("application/json", "/api/fn/home")).status).toBe(401);
  await page.goto("/runs");
  expect(addressOf(page), "the browser is nobody again").toBe("/login");
});

test("a new log-in gets a new session id, whatever the browser brought along", async ({ demo, seat }) => {
  const { page, context } = await seat();
  const planted = "AAAAAAAAAAAAAAAAAAAAAA";
  await context.addCookies([{ name: "windfirm", value: planted, url: demo.url }]);
  await loginAs(page, demo.url, "eli");
  const now = (await context.cookies(demo.url)).find((cookie) => cookie.name === "windfirm");
  expect(now?.value).not.toBe(planted);
  const response = await fetch(`${demo.url}/tree`, { headers: { cookie: `windfirm=${planted}`, accept: "text/html" }, redirect: "manual" });
  expect(response.status, "what was planted opens nothing").toBe(303);
});

test("one of my other sessions can be ended from the list of sessions", async ({ demo, logins, seat }) => {
  logins.forget("eli");
  const here = await seat();
  await loginAs(here.page, demo.url, "eli", "/sessions");
  const there = await seat();
  await loginAs(there.page, demo.url, "eli");
  await here.page.reload();
  const ends = here.page.getByRole("main").getByRole("button", { name: /^End/ });
  const before = await ends.count();
  expect(before, "the other session can be ended").toBeGreaterThan(0);
  // The newest of the others is the one that was just begun.
  for (let left = before; left > 0; left -= 1) {
    await ends.first().click();
    await expect(ends).toHaveCount(left - 1);
  }
  await there.page.goto("/tree");
  expect(addressOf(there.page)).toBe("/login");
  await here.page.goto("/tree");
  expect(addressOf(here.page), "this one goes on").toBe("/tree");
});
