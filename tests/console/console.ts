// What the tests of the console share: somebody signed in, and a look at what a page must not do.
import { AxeBuilder } from "@axe-core/playwright";
import { type APIRequestContext, type Page, expect, test as base } from "@playwright/test";

export const PASSWORD = "saolou-demo";
export const address = (): string => process.env["SAOLOU_ADDRESS"] ?? "";

/** A page that fails its test when it errs, breaks its policy, or asks any other server. */
export const test = base.extend<{ page: Page }>({
  page: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      // A browser writes down each answer that is no success: tests look at those themselves.
      const isAnswer = /status of 4\d\d|ERR_INTERNET_DISCONNECTED/.test(text);
      if (message.type() === "error" && !isAnswer) faults.push(text);
    });
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      const isOwn = origin === address() || ["blob:", "data:"].includes(protocol);
      if (!isOwn) faults.push(`left the origin: ${request.url()}`);
    });
    await use(page);
    expect(faults).toEqual([]);
  },
});

export async function signIn(page: Page, username: string): Promise<void> {
  await page.goto(address());
  await page.getByLabel("用户名").fill(username);
  await page.getByLabel("密码").fill(PASSWORD);
  await page.getByRole("button", { name: "登录" }).click();
  await expect(page.getByRole("button", { name: "退出登录" })).toBeVisible();
}

/** Nothing that keeps people from using the page (WCAG 2.2 AA, as far as a program can tell). */
export async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
  expect(told).toEqual([]);
}

/** Asks the interface as somebody else than the page's user. */
export async function ask(request: APIRequestContext, username: string) {
  const signed = await request.post(`${address()}/api/v1/session`, { data: { username, password: PASSWORD } });
  const { access_token } = (await signed.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${access_token}` };
  return {
    get: async (path: string) => (await request.get(`${address()}/api/v1${path}`, { headers })).json(),
    /** What is no JSON, at an address of its own. */
    text: async (path: string) => (await request.get(address() + path, { headers })).text(),
    post: async (path: string, data: unknown) =>
      (await request.post(`${address()}/api/v1${path}`, { headers, data })).json(),
    put: async (path: string, data: unknown) => request.put(`${address()}/api/v1${path}`, { headers, data }),
  };
}

export { expect };
