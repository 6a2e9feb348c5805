// Measures the pages; nothing is asserted, and no test run includes it (`npm run bench`).
import pages from "../playwright.config";

export default { ...pages, testDir: ".", testMatch: "*.bench.ts", globalSetup: "../demo.ts", outputDir: "../../../target/console/failures", timeout: 600_000 };
