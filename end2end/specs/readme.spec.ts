// The picture of the running program for the README: the page of a finished run.
import path from "node:path";
import { expect, test, verdict } from "../support/fixtures";
import { output } from "../support/machine";

test("a finished run is worth a picture", async ({ seat, finished }) => {
  const { page } = await seat("ben", { viewport: { width: 1400, height: 1000 }, colorScheme: "light", deviceScaleFactor: 1 });
  await page.goto(finished.href);
  await expect(verdict(page)).toBeVisible();
  await page.screenshot({ path: path.join(output, "readme", "run.png"), animations: "disabled" });
});
