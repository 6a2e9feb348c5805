// The console in a real browser, against a real server with the demo street.
import { defineConfig } from "@playwright/test";

const program = process.env["SAOLOU_CHROMIUM"] ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: ".",
  globalSetup: "./demo.ts",
  outputDir: "../../target/console/failures",
  timeout: 90_000,
  // What a machine with other work does late is no fault; what hangs is told where it hangs.
  expect: { timeout: 10_000 },
  // One server, one story: tests that decide something would disturb each other.
  workers: 1,
  forbidOnly: true,
  // A machine with other work may be late once; what passes only then is listed as flaky.
  retries: 1,
  reporter: [["list"]],
  use: {
    actionTimeout: 20_000,
    viewport: { width: 1440, height: 900 },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    launchOptions: {
      executablePath: program,
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
