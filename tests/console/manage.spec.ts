// The desk that runs a round: a community manager's room list (W7), a round that is closed and opened
// again (W8), who works where, and a phone that is invited.
import { accessible, address, ask, expect, signIn, test } from "./console";
import { phoneOf } from "./phone";
import type { Page } from "@playwright/test";

const DAY_MS = 86_400_000;

async function world(request: Parameters<typeof ask>[0]) {
  const qian = await ask(request, "qian");
  const { units } = await qian.get("/org-units");
  const street = units.find((of: { level: string }) => of.level === "street").unit_id as string;
  const { buildings } = await qian.get(`/buildings?unit=${street}`);
  const named = (code: string) => buildings.find((of: { attributes: { code: string } }) => of.attributes.code === code);
  return { qian, street, named };
}

/** Files a reason for what a button with this name does. */
async function reason(page: Page, button: string, text: string): Promise<void> {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByLabel("理由").fill(text);
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
}

/**
 * The property manager's list: 194 rooms over floors 2 to 20, three of them a second time in another
 * spelling, and two on a floor that the building does not have.
 */
function list(): string {
  const lines = ["楼层,房号,企业名称"];
  for (let at = 0; at < 194; at += 1) {
    const floor = 2 + Math.floor(at / 11);
    lines.push(`${floor}F,${floor}${String((at % 11) + 1).padStart(2, "0")},演示企业${at}`);
  }
  lines.push("2F,2-03,演示企业2", "2F,２０３室,演示企业2", "3F,3-01,演示企业11", "99F,9901,无此楼层", "98F,9801,无此楼层");
  return `${lines.join("\r\n")}\r\n`;
}

test("W7: a list of 199 lines is tried, told line by line, imported, and its floors confirmed", async ({
  page,
  request,
}) => {
  const { qian, named } = await world(request);
  const building = crypto.randomUUID();
  const floors = Array.from({ length: 19 }, (_, at) => ({
    floor_id: crypto.randomUUID(),
    label: `${at + 2}F`,
    sort_order_milli: (at + 2) * 1000,
    kind: "office",
  }));
  const registered = await qian.put(`/buildings/${building}`, {
    unit_id: named("B02").unit_id,
    code: "B90",
    name: "清册大厦",
    sections: [{ section_id: crypto.randomUUID(), name: "-", floors }],
  });
  expect(registered.ok()).toBe(true);
  await signIn(page, "wu");
  await page.getByRole("link", { name: "轮次与队伍" }).click();
  // A community manager imports lists; rounds, teams and phones are the supervisor's.
  await expect(page.locator(".tabs a")).toHaveText(["房间清册"]);
  await page.getByLabel("楼宇", { exact: true }).selectOption(building);
  await page.locator("input[type=file]").setInputFiles({ name: "b90.csv", mimeType: "text/csv", buffer: Buffer.from(list()) });
  const tally = page.locator(".tally");
  await expect(tally).toContainText("预览，尚未写入");
  for (const told of ["共 199 行", "新增 194 间", "重复关联 3 行", "未收 2 行"]) await expect(tally).toContainText(told);
  const rows = page.locator(".report tbody tr");
  await expect(rows).toHaveCount(5);
  await expect(rows.filter({ hasText: "２０３室" })).toContainText("与第 4 行是同一间");
  await expect(rows.filter({ hasText: "99F" }).getByRole("rowheader")).toHaveText("199");
  expect((await qian.get(`/buildings/${building}/floors`)).counts.in_scope ?? 0).toBe(0);
  await accessible(page);
  await page.getByRole("button", { name: "导入 194 间" }).click();
  await expect(tally).toContainText("已导入");
  expect((await qian.get(`/buildings/${building}/floors`)).counts.in_scope).toBe(194);
  for (const [floor, how] of [["2F", "走遍"], ["3F", "物业清单"], ["4F", "平面图"]] as const) {
    await page.getByLabel(`${floor} 的核实方式`, { exact: true }).selectOption({ label: how });
    await page.getByRole("button", { name: `核实 ${floor}`, exact: true }).click();
    await expect(page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: floor, exact: true }) })).toContainText("已核实");
  }
  await expect(page.getByRole("heading", { name: "楼层核实" })).toContainText("19 层中 16 层未核实");
  const second = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "2F", exact: true }) });
  await expect(second.getByRole("button")).toHaveCount(0);
  // What a community confirmed, its street takes back; what the street confirms, it takes back at once.
  await page.context().clearCookies();
  await page.evaluate(() => localStorage.clear());
  await signIn(page, "qian");
  await page.goto(`${address()}/manage/${named("B02").unit_id}?tab=roster`);
  await page.getByLabel("楼宇", { exact: true }).selectOption(building);
  const fifth = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "5F", exact: true }) });
  await page.getByRole("button", { name: "核实 5F", exact: true }).click();
  await expect(fifth).toContainText("已核实");
  await fifth.getByRole("button", { name: "撤销" }).click();
  await expect(fifth).toContainText("已导入未核实");
});

test("W8: a round is closed with its figures and reopened for a reason", async ({ page, request }) => {
  const { qian, street } = await world(request);
  const { rounds } = await qian.get("/rounds");
  const first = rounds[0];
  // A round of last year: nothing of the running one is touched.
  const from_ms = first.from_ms - 400 * DAY_MS;
  const made = await qian.put(`/rounds/${crypto.randomUUID()}`, {
    campaign_id: first.campaign_id,
    street_id: street,
    number: 90,
    kind: "revisit_only",
    status: "open",
    from_ms,
    until_ms: from_ms + 10 * DAY_MS,
  });
  expect(made.ok()).toBe(true);
  await signIn(page, "qian");
  await page.goto(`${address()}/manage/${street}?tab=rounds`);
  const round = page.getByRole("listitem", { name: "第 90 轮" });
  await expect(round).toContainText("进行中");
  // Closing begins with a date until when phones may still send, which may be another than was planned.
  await round.getByRole("button", { name: "收口" }).click();
  const late = new Date(from_ms + 15 * DAY_MS + 8 * 3_600_000).toISOString().slice(0, 10);
  await page.getByLabel("补传截止日（含当日）").fill(late);
  await page.getByLabel("理由").fill("两台设备在外");
  await accessible(page);
  await page.getByRole("button", { name: "确定" }).click();
  await expect(round.locator(".state")).toHaveText("收口");
  const { rounds: now } = await qian.get("/rounds");
  const closing = now.find((of: { number: number }) => of.number === 90);
  expect(closing.grace_until_ms).toBe(Date.parse(`${late}T00:00:00+08:00`) + DAY_MS);
  await round.getByRole("button", { name: "结束并固定快照" }).click();
  await page.getByLabel("理由").fill("宽限期已过");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(round.locator(".state")).toHaveText("已结束", { timeout: 20_000 });
  await expect(round).toContainText("截止快照 0.0%");
  await accessible(page);
  await reason(page, "重新开放", "两台设备刚刚回传");
  await expect(round.locator(".state")).toHaveText("重新开放");
  await round.getByText("变更记录").click();
  await expect(round.locator(".steps")).toContainText("两台设备刚刚回传");
  await expect(round.locator(".steps li").first()).toContainText("钱督导");
  // It stays closed for the tests that follow.
  await round.getByRole("button", { name: "结束并固定快照" }).click();
  await page.getByLabel("理由").fill("演示结束");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(round.locator(".state")).toHaveText("已结束", { timeout: 20_000 });
});

test("the next round is made as a draft", async ({ page, request }) => {
  const { street } = await world(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/manage/${street}?tab=rounds`);
  await page.getByRole("button", { name: /新建第 \d+ 轮/ }).click();
  await page.getByLabel("开始日期").fill("2027-03-01");
  await page.getByLabel("结束日期").fill("2027-03-20");
  await accessible(page);
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const drafted = page.getByRole("listitem").filter({ hasText: "03-01 周一 – 03-20 周六" }).first();
  await expect(drafted).toContainText("拟制");
  await expect(drafted).toContainText("03-24 周三 00:00");
});

test("a building is assigned by dragging and by keys, and each is taken back", async ({ page, request }) => {
  const { qian, street, named } = await world(request);
  const { teams } = await qian.get(`/teams?unit=${street}`);
  const building = named("B12");
  const count = async () =>
    (await qian.get(`/assignments?unit=${street}`)).assignments.filter(
      (of: { building_id: string }) => of.building_id === building.building_id,
    ).length;
  const before = await count();
  const busy = (await qian.get(`/assignments?unit=${street}`)).assignments.filter(
    (of: { building_id: string }) => of.building_id === building.building_id,
  );
  const free = teams.filter((team: { team_id: string }) => !busy.some((of: { team_id: string }) => of.team_id === team.team_id));
  expect(free.length).toBeGreaterThan(0);
  const team = free[0].name as string;
  const name = building.attributes.name as string;
  await signIn(page, "qian");
  await page.goto(`${address()}/manage/${street}?tab=teams`);
  const crew = page.getByRole("region", { name: team, exact: true });
  const row = page.locator(".pool").getByRole("row", { name });
  await expect(row).toBeVisible();
  await accessible(page);
  // By the mouse.
  await row.scrollIntoViewIfNeeded();
  await row.dragTo(crew.getByRole("grid"));
  await expect(crew.getByRole("row", { name })).toBeVisible();
  expect(await count()).toBe(before + 1);
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(crew.getByRole("row", { name })).toHaveCount(0);
  expect(await count()).toBe(before);
  // By keys: the handle starts, Tab goes from team to team, Enter drops.
  await row.getByRole("button", { name: `拖动 ${name}` }).focus();
  await page.keyboard.press("Enter");
  const target = crew.getByRole("grid");
  for (let steps = 0; steps < 40; steps += 1) {
    if (await target.evaluate((of) => of.contains(document.activeElement))) break;
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await expect(crew.getByRole("row", { name })).toBeVisible();
  expect(await count()).toBe(before + 1);
  await crew.getByRole("button", { name: `从 ${team} 撤下 ${name}` }).click();
  await expect(crew.getByRole("row", { name })).toHaveCount(0);
  expect(await count()).toBe(before);
});

test("a phone is invited by a picture that says what the server made", async ({ page, request }) => {
  const { street } = await world(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/manage/${street}?tab=phones`);
  const answer = page.waitForResponse((of) => of.url().endsWith("/enrolments"));
  await page.getByRole("button", { name: "显示二维码" }).click();
  const { text, code } = (await (await answer).json()) as { text: string; code: string };
  expect(text).toContain(code);
  const picture = page.getByRole("img", { name: "登记手机用的二维码" });
  await expect(picture).toBeVisible();
  // The smallest picture that holds as many bytes, with its quiet zone: never less than the text needs.
  const modules = Number((await picture.getAttribute("viewBox"))?.split(" ")[2]) - 8;
  expect((modules - 17) % 4).toBe(0);
  expect(modules).toBeGreaterThanOrEqual(29);
  await expect(page.locator(".code code")).toHaveText(code);
  await expect(page.getByRole("timer")).toHaveText(/剩余 (29:\d\d|30:00)/);
  await expect(page.locator(".fate")).toHaveText("等待手机扫描…");
  await expect(page.getByRole("table")).toContainText("王二检");
  await accessible(page);
  // A phone reads it: the page says so by itself, lists the phone, and the picture is of no more use.
  const phone = await phoneOf(request, "wang");
  const enrolled = await phone.enrol(code);
  expect(enrolled.fingerprint, JSON.stringify(enrolled)).toMatch(/^[0-9a-f]{64}$/);
  const short = phone.device.slice(0, 8);
  await expect(page.locator(".fate")).toHaveText(`已登记：设备 ${short}`, { timeout: 15_000 });
  await expect(picture).toHaveCount(0);
  const row = page.getByRole("table").getByRole("row").filter({ hasText: short });
  await expect(row).toContainText(enrolled.fingerprint.slice(0, 12));
});

test("each part of this desk is in English where English is chosen", async ({ page, request }) => {
  const { street } = await world(request);
  await signIn(page, "qian");
  await page.getByRole("button", { name: "English" }).click();
  for (const tab of ["rounds", "teams", "roster", "phones"]) {
    await page.goto(`${address()}/manage/${street}?tab=${tab}`);
    await expect(page.locator(".manage .panel").first()).toBeVisible();
    await accessible(page);
    const said = await page.locator(".manage .tabs, .manage h2 small, .manage .hint, .manage dt, .manage .state, .manage th[scope=col]").allTextContents();
    expect(said.join(" ")).not.toMatch(/[\u4e00-\u9fff]/);
  }
});
