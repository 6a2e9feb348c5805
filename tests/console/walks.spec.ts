// The supervisor's walk over the street (W3), the leader's morning list (W2), and what any page must
// do: figures as the server gives them, an address that is the state, keys, and a line that heals.
import { createHash } from "node:crypto";
import { accessible, address, ask, expect, signIn, test } from "./console";

const MONDAY_MS = Date.parse("2026-11-23T00:00:00+08:00");
const at = (day: number, hour: number, minute = 0) =>
  MONDAY_MS + ((day * 24 + hour) * 60 + minute) * 60_000;

interface Listed {
  building_id: string;
  unit_id: string;
  attributes: { code: string; name: string };
  metrics: { coverage_rate: { part: number; whole: number; permille: number } };
  counts: Record<string, number>;
}

async function street(request: Parameters<typeof ask>[0]) {
  const qian = await ask(request, "qian");
  const { units } = await qian.get("/org-units");
  const unit = units.find((of: { level: string }) => of.level === "street").unit_id as string;
  const { buildings } = (await qian.get(`/buildings?unit=${unit}`)) as { buildings: Listed[] };
  const named = (code: string) => {
    const found = buildings.find((of) => of.attributes.code === code);
    if (!found) throw new Error(`no ${code}`);
    return found;
  };
  return { qian, unit, buildings, named };
}

test("a wrong password says what to do, and the right one opens the street", async ({ page }) => {
  await page.goto(address());
  await accessible(page);
  await page.getByLabel("用户名").fill("qian");
  await page.getByLabel("密码").fill("nonsense");
  await page.getByRole("button", { name: "登录" }).click();
  await expect(page.getByRole("alert")).toContainText("用户名或密码错误");
  await signIn(page, "qian");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("云港街道");
  // Nothing that scripts can read holds a token.
  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }]));
  expect(kept).not.toMatch(/ey[A-Za-z0-9_-]{20}/);
});

test("the street shows the server's figures, the worst building first, and finds by name", async ({
  page,
  request,
}) => {
  const { qian, unit, buildings } = await street(request);
  await signIn(page, "qian");
  const { metrics } = await qian.get(`/coverage/${unit}`);
  const { part, whole, permille } = metrics.coverage_rate;
  const headline = page.locator(".headline");
  await expect(headline).toContainText(`${Math.floor(permille / 10)}.${permille % 10}%`);
  await expect(headline).toContainText(`${part}`);
  expect(whole).toBeGreaterThan(1000);
  const names = await page.locator(".buildings .where b").allTextContents();
  expect(names).toHaveLength(buildings.length);
  // Of those that are not done, none is followed by a worse one.
  const rate = (name: string) => {
    const found = buildings.find((of) => of.attributes.name === name)?.metrics.coverage_rate;
    return found ? found.part / found.whole : Number.NaN;
  };
  const open = names.filter((name) => rate(name) < 1).map(rate);
  expect(open).toEqual(open.toSorted((a, b) => a - b));
  await page.getByPlaceholder("按楼名、编号、地址查找").fill("潮汐");
  await expect(page.locator(".buildings .where b")).toHaveText(["潮汐大厦"]);
  await expect(page).toHaveURL(/q=/);
  await page.reload();
  await expect(page.locator(".buildings .where b")).toHaveText(["潮汐大厦"]);
  await expect(page.locator(".map .gl[data-idle]")).toBeVisible();
  await accessible(page);
});

test("W3: the map of Monday and of Tuesday is the one of that evening", async ({ page, request }) => {
  const { named } = await street(request);
  const tower = named("B04").building_id;
  await signIn(page, "qian");
  for (const [when, share, of] of [
    [at(0, 17, 30), "32.4%", "12 / 37"],
    [at(1, 8, 36), "39.4%", "15 / 38"],
    [at(1, 17, 30), "71.7%", "28 / 39"],
    [at(3, 10, 5), "100.0%", "38 / 38"],
  ] as const) {
    await page.goto(`${address()}/building/${tower}?as_of=${when}`);
    await expect(page.locator(".metric.large")).toContainText(share);
    await expect(page.locator(".metric.large")).toContainText(of);
  }
  // Thursday, 10:05: everything is covered, and one floor waits for its photo.
  const sixth = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "6F" }) });
  await expect(sixth).toContainText("待补证据");
  await expect(page.locator(".acceptance .unmet")).toHaveText(/必备照片全部到齐/);
  await page.getByRole("button", { name: "回到现在" }).click();
  await expect(page).not.toHaveURL(/as_of/);
  await expect(page.locator(".acceptance .unmet")).toHaveCount(0);
});

test("W3: the slider goes back over the round by keys, and the address follows", async ({ page }) => {
  await signIn(page, "qian");
  const now = await page.locator(".metric.large b").textContent();
  const slider = page.getByRole("slider");
  await slider.focus();
  await slider.press("Home");
  await expect(page).toHaveURL(/as_of=\d+/);
  await expect(page.locator(".metric.large b")).not.toHaveText(now ?? "");
  await page.getByRole("button", { name: "回到现在" }).click();
  await expect(page.locator(".metric.large b")).toHaveText(now ?? "");
});

test("W3: the slider is dragged to an earlier time, and the story of the building replays from there", async ({
  page,
  request,
}) => {
  const { named } = await street(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${named("B04").building_id}`);
  const travel = page.locator(".travel");
  const thumb = travel.locator(".react-aria-SliderThumb");
  await expect(thumb).toBeVisible();
  const whole = await travel.locator(".react-aria-SliderTrack").boundingBox();
  const from = await thumb.boundingBox();
  if (!whole || !from) throw new Error("no slider");
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(whole.x + whole.width * 0.6, from.y + 4, { steps: 8 });
  // While the thumb is held, it says the time under it.
  await expect(travel.getByRole("status").or(travel.locator("output"))).toContainText(/11-2\d 周/);
  await page.mouse.move(whole.x, from.y + 4, { steps: 8 });
  await page.mouse.up();
  await expect(page).toHaveURL(/as_of=\d+/);
  const share = page.locator(".metric.large b");
  await expect(share).toHaveText("0.0%");
  const asOf = () => Number(new URL(page.url()).searchParams.get("as_of"));
  const first = asOf();
  await page.getByRole("button", { name: "重放" }).click();
  await expect(share).not.toHaveText("0.0%", { timeout: 30_000 });
  expect(asOf()).toBeGreaterThan(first);
  // It can be halted at any moment, and the address says which one that is.
  await page.getByRole("button", { name: "暂停" }).click();
  const halted = page.url();
  await page.waitForTimeout(2_000);
  expect(page.url()).toBe(halted);
  await page.getByRole("button", { name: "重放" }).click();
  // At the end it is now, by itself.
  await expect(page).not.toHaveURL(/as_of/, { timeout: 60_000 });
  await expect(share).toHaveText("100.0%");
  await expect(page.getByRole("button", { name: "重放" })).toBeVisible();
});

test("the floor stack is walked by arrow keys, and a room tells its whole story", async ({
  page,
  request,
}) => {
  const { qian, named } = await street(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${named("B04").building_id}`);
  const floors = ["9F", "8F", "7F", "6F", "5F", "3F", "2F", "1F", "B1"];
  await expect(page.getByRole("rowheader")).toHaveText(floors);
  await page.getByRole("button", { name: /^601 / }).focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await expect(page.locator(".told")).toContainText("605");
  await page.keyboard.press("Enter");
  const room = page.getByRole("complementary", { name: "605 室" });
  // Time corrected, time of the device, time of receipt: the phone was twenty-six hours ahead.
  await expect(room).toContainText("11-23 周一 15:30");
  await expect(room).toContainText("设备时间 11-24 周二 17:30");
  await expect(room).toContainText("11-24 周二 08:30 收到");
  await expect(room).toContainText("故意锁门");
  await accessible(page);
  await room.getByRole("button", { name: "锁门取证" }).click();
  await page.getByLabel("查看事由").fill("核对锁门证据");
  await page.getByRole("button", { name: "查看", exact: true }).click();
  const picture = page.getByRole("dialog").getByRole("img");
  await expect(picture).toBeVisible();
  await expect.poll(() => picture.evaluate((of: HTMLImageElement) => of.naturalWidth)).toBeGreaterThan(0);
  // The hash that was promised is the one of the bytes that came.
  const link = await page.getByRole("dialog").getByRole("link").getAttribute("href");
  const photo = /photos\/([0-9a-f-]+)\/bundle/.exec(link ?? "")?.[1];
  const { url } = await qian.post(`/photos/${photo}/link`, { variant: "original", reason: "核对" });
  const bytes = await (await request.get(address() + url)).body();
  await expect(page.getByRole("dialog")).toContainText(createHash("sha256").update(bytes).digest("hex"));
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(room).toHaveCount(0);
});

test("W2: the morning list names the door, the last try and when to try again", async ({ page }) => {
  await signIn(page, "qian");
  await page.getByRole("link", { name: /锁门待复查/ }).click();
  await expect(page).toHaveURL(/todo=revisit_locked/);
  const first = page.locator(".owed").first();
  await expect(first).toContainText("最近一次");
  await expect(first).toContainText(/建议：(上午|下午|晚间) \/ (上午|下午|晚间)/);
  // While the story is fresh, photos are still being read and the page moves: whoever misses clicks again.
  const there = /\/building\/.+office=/;
  await expect(async () => {
    if (!there.test(page.url())) await first.click({ timeout: 2_000 });
    await expect(page).toHaveURL(there, { timeout: 3_000 });
  }).toPass({ timeout: 30_000 });
  await expect(page.getByRole("complementary")).toContainText("锁门待复查");
});

test("what others decide is on the open page without a reload, and the scroll stays", async ({
  page,
  request,
}) => {
  const { qian, named } = await street(request);
  const tower = named("B01").building_id;
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${tower}`);
  const room = page.locator(".room.covered[data-office]").last();
  await room.scrollIntoViewIfNeeded();
  const office = await room.getAttribute("data-office");
  const cell = page.locator(`[data-office="${office}"]`);
  expect(await page.evaluate(() => scrollY)).toBeGreaterThan(0);
  const top = async () => (await cell.boundingBox())?.y ?? Number.NaN;
  const before = await top();
  const { items } = await qian.get(`/buildings/${tower}/offices/${office}/timeline`);
  const visit = items.find((of: { effective?: boolean }) => of.effective);
  const decided = await qian.post(`/buildings/${tower}/decisions`, {
    reason: "核查演示",
    seen: items.map((of: { op_id: string }) => of.op_id),
    decision: { visit_void: { visit_id: visit.visit_id } },
  });
  expect(decided.status).toBe("filed");
  await expect(cell).toHaveClass(/unvisited/, { timeout: 3_000 });
  // What one looks at stays where it is, but for a line that its own row may gain.
  expect(Math.abs((await top()) - before)).toBeLessThan(24);
  await qian.post("/conflicts/undo", { building_id: tower, ops: [decided.op_id], reason: "演示结束" });
  await expect(cell).toHaveClass(/covered/, { timeout: 3_000 });
});

test("W3: the supervisor accepts a building with a reason, and may take it back", async ({
  page,
  request,
}) => {
  const { named } = await street(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${named("B04").building_id}`);
  await page.getByRole("button", { name: "验收", exact: true }).click();
  await page.getByLabel("理由").fill("七项条件齐备");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByRole("dialog")).toContainText("已提交");
  await expect(page.locator(".headline .state")).toHaveText("全覆盖（已验收）");
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(page.getByRole("dialog")).toContainText("已撤销");
  await expect(page.locator(".headline .state")).toHaveText("待验收");
});

test("a lost connection says so and heals", async ({ page, context }) => {
  await signIn(page, "qian");
  const line = page.getByRole("status").filter({ hasText: /实时|连接/ });
  await expect(line).toHaveText("实时");
  await context.setOffline(true);
  await expect(line).toContainText("连接中断", { timeout: 20_000 });
  await context.setOffline(false);
  await expect(line).toHaveText("实时", { timeout: 20_000 });
});

test("what lies outside one's area does not exist, whatever the address says", async ({ page, request }) => {
  const { named } = await street(request);
  await signIn(page, "feng");
  await page.goto(`${address()}/building/${named("B04").building_id}`);
  await expect(page.getByRole("alert")).toContainText(/无权|未找到/);
});

test("the desk settles a conflict with both sides in sight, and sees its phones", async ({ page, request }) => {
  const { qian, unit, named } = await street(request);
  const old = named("B12");
  // Somebody registers another address without having seen the one that is there.
  const registered = await qian.put(`/buildings/${old.building_id}`, {
    unit_id: old.unit_id,
    ...old.attributes,
    address: "云岚市星湖区云港街道老街1号",
  });
  expect(registered.ok()).toBe(true);
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=conflicts`);
  await expect(page.locator(".side")).toHaveCount(2);
  await accessible(page);
  const side = page.locator(".side").filter({ hasText: "老街1号" });
  await side.getByRole("button", { name: "取此值" }).click();
  await page.getByLabel("理由").fill("现场核对门牌");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByText("没有待判定的冲突。")).toBeVisible();
  const { buildings } = await qian.get(`/buildings?unit=${unit}`);
  const now = buildings.find((of: Listed) => of.building_id === old.building_id);
  expect(now.attributes.address).toContain("老街1号");
  for (const [tab, shows] of [
    ["隔离区", "隔离区是空的。"],
    ["照片疑点", /照片|核对/],
    ["设备", "王二检"],
  ] as const) {
    await page.getByRole("link", { name: tab, exact: true }).click();
    await expect(page.locator(".desk")).toContainText(shows);
    await accessible(page);
  }
});

test("every word of a view is English where English is chosen", async ({ page, request }) => {
  const { unit, named } = await street(request);
  await signIn(page, "qian");
  await page.getByRole("button", { name: "English" }).click();
  await expect(page.getByRole("heading", { name: "Buildings" })).toBeVisible();
  await page.goto(`${address()}/building/${named("B04").building_id}`);
  await expect(page.getByRole("heading", { name: "Floor stack" })).toBeVisible();
  // What the product says is English; what people wrote stays as they wrote it.
  const said = await page.locator(".legend, .acceptance, .headline .name, .state, .tools").allTextContents();
  expect(said.join(" ").replace(/中文|钱督导/g, "")).not.toMatch(/[\u4e00-\u9fff]/);
  await page.goto(`${address()}/manage/${unit}?tab=phones`);
  await expect(page.getByRole("columnheader", { name: "Last sync" })).toBeVisible();
});
