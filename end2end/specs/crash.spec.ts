// The portal is killed in the middle of a run: k6 goes on, the run is live again, and not a sample is missing.
import { Demo } from "../support/demo";
import { expect, fact, launch, numberIn, settled, test, verdict } from "../support/fixtures";
import { loginAs } from "../support/people";

test.describe.configure({ timeout: 150_000 });

test("kill -9 in mid-run, start again: live again, and complete at the end", async ({ browser }) => {
  const demo = await Demo.start();
  try {
    const context = await browser.newContext({ baseURL: demo.url });
    const page = await context.newPage();
    await loginAs(page, demo.url, "ana");
    const inAll = async () => numberIn(/([\d,]+) in all/.exec(await fact(page, "Requests").innerText())?.[1] ?? "0");
    const run = await launch(page, { path: "/shop/catalogue/", load: { vus: 4, duration: "30s" }, reason: "Through a crash" });
    await expect.poll(inAll, { timeout: 20_000 }).toBeGreaterThan(20);
    const before = await inAll();

    await demo.kill();
    await expect(page.getByRole("heading", { level: 1 }), "the open page says that it is cut off").toContainText("reconnecting", { timeout: 15_000 });
    await demo.start();

    await expect.poll(inAll, { message: "the page that stayed open goes on by itself, without a new log-in", timeout: 30_000 }).toBeGreaterThan(before + 20);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("running");

    await settled(page, run);
    await expect(verdict(page), "the portal's absence is nothing that the data suffers from").toContainText(/Pass|Fail/);
    const completeness = page.getByRole("region", { name: "Completeness" });
    await expect(completeness).toContainText("received against k6’s own counters");
    await expect(completeness).not.toContainText("not the same");
    const total = await inAll();
    expect(numberIn(await fact(completeness, "http_reqs").innerText())).toBe(total);
    const twin = page.locator("figure").filter({ has: page.getByRole("img", { name: /^Latency band/ }) });
    await expect(twin.getByRole("img").first()).not.toHaveAttribute("aria-label", /No data/);

    await page.goto("/runs?by=me");
    const rows = page.getByRole("row").filter({ has: page.getByRole("rowheader") });
    await expect(rows, "one run, not two").toHaveCount(1);
    await expect(rows.getByRole("link").first()).toHaveAttribute("href", run.href);
    await context.close();
  } finally {
    await demo.end();
  }
});
