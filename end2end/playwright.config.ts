// One browser, one worker: every spec shares one demo, and the machine's two cores belong to k6 and the portal.
import { defineConfig } from "@playwright/test";
import { chromium, output } from "./support/machine";

export default defineConfig({
  testDir: "specs",
  outputDir: `${output}/results`,
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["line"], ["./support/counts.ts"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1400, height: 900 },
    locale: "en-GB",
    timezoneId: "UTC",
    screenshot: "only-on-failure",
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
