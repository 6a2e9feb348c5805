// Measures the pages; nothing is asserted, and no test run includes it (`npm run bench`).
import pages from "../playwright.config";

export default { ...pages, testDir: ".", testMatch: "*.bench.ts", globalSetup: "../demo.ts", timeout: 600_000 };
