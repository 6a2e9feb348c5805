// The desk: what disagrees is settled, one or many, and taken back; what was set aside is released,
// attached or discarded; a change of rooms is another's to approve. In rooms of our own.
import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { accessible, address, ask, expect, signIn, test } from "./console";
import { phoneOf } from "./phone";

type Asking = Awaited<ReturnType<typeof ask>>;

interface Conflict {
  conflict_id: string;
  building_id: string;
  code: string;
  siblings: { op_id: string }[];
}

/** A floor of the building that no walk goes through, and two phones: the supervisor's, an inspector's. */
async function desk(request: Parameters<typeof ask>[0]) {
  const qian = await ask(request, "qian");
  const { units } = await qian.get("/org-units");
  const unit = units.find((of: { level: string }) => of.level === "street").unit_id as string;
  const { buildings } = await qian.get(`/buildings?unit=${unit}`);
  const building = buildings.find((of: { attributes: { code: string } }) => of.attributes.code === "B11")
    .building_id as string;
  const stack = await qian.get(`/buildings/${building}/floors`);
  const floor = stack.sections[0].floors.find((of: { offices: unknown[] }) => of.offices.length > 0).floor_id as string;
  const round = stack.round_id as string;
  const [own, other] = [await phoneOf(request, "qian"), await phoneOf(request, "you")];
  /** Adds rooms, and gives their ids. */
  const add = async (labels: string[]) => {
    const rooms = labels.map((label) => ({ office_id: randomUUID(), label }));
    const ops = await own.fileAll(
      rooms.map((room) => ({
        building, kind: "office_add", subject: room.office_id, body: { floor_id: floor, ...room },
      })),
    );
    return rooms.map((room, at) => ({ ...room, op: ops[at] as string }));
  };
  return { qian, unit, building, round, own, other, add };
}

const name = (letter: string) => `${letter}${randomUUID().slice(0, 4).toUpperCase()}`;

const split = (building: string, room: { office_id: string; op: string }, labels: string[]) => ({
  building,
  kind: "office_split",
  subject: room.office_id,
  body: { parent: room.office_id, children: labels.map((label) => ({ office_id: randomUUID(), label })) },
  seen: [room.op],
});

const rename = (building: string, office: string, label: string, source: string) => ({
  building, kind: "office_rename", subject: office, body: { office_id: office, label, source },
});

async function conflicts(qian: Asking, unit: string, building: string, code: string): Promise<Conflict[]> {
  const { conflicts: all } = await qian.get(`/conflicts?unit=${unit}`);
  return all.filter((of: Conflict) => of.building_id === building && of.code === code);
}

/** Says why in the dialog that is open, and files it. */
async function file(page: Page, why: string): Promise<void> {
  await page.getByLabel("理由").fill(why);
  await page.getByRole("button", { name: "确定" }).click();
}

const shot = (page: Page, view: string) => page.screenshot({ path: `../../target/console/shots/${view}.png` });

test("a split is another's to approve: nobody keeps his own, and what is kept can be taken back", async ({
  page,
  request,
}) => {
  const { qian, unit, building, own, other, add } = await desk(request);
  const label = name("S");
  const [room] = await add([label]);
  if (!room) throw new Error("no room");
  await own.fileAll([split(building, room, [`${label}A`, `${label}B`])]);
  const [theirs] = await other.fileAll([split(building, room, [`${label}-1`, `${label}-2`, `${label}-3`])]);
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=conflicts&kind=structure_disputed`);
  const card = page.locator(".card", { hasText: label });
  await expect(card.locator(".side")).toHaveCount(2);
  const mine = card.locator(".side", { hasText: "钱督导" });
  const side = card.locator(".side", { hasText: "尤四检" });
  await expect(mine).toContainText(`拆分为 ${label}A、${label}B`);
  await expect(side).toContainText(`拆分为 ${label}-1、${label}-2、${label}-3`);
  await accessible(page);
  await shot(page, "desk-split");
  await mine.getByRole("button", { name: "采纳此方案" }).click();
  await file(page, "自己现场所见");
  await expect(page.getByRole("alert")).toContainText("须由他人采纳");
  await page.getByRole("dialog").getByText("取消", { exact: true }).click();
  await side.getByRole("button", { name: "采纳此方案" }).click();
  await file(page, "与平面图一致");
  await expect(page.getByText("已解决 1 条冲突。")).toBeVisible();
  await expect(card).toHaveCount(0);
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(card).toBeVisible();
  const [open] = (await conflicts(qian, unit, building, "structure_disputed")).filter((of) =>
    of.siblings.some((one) => one.op_id === theirs),
  );
  const items = [{ building_id: building, conflict_id: open?.conflict_id, choice: { keep: theirs } }];
  await qian.post("/conflicts/resolve", { reason: "演示结束", items });
});

test("a split that does not hold is taken back on the page of its room, and that, too", async ({ page, request }) => {
  const { building, other, add } = await desk(request);
  const label = name("T");
  const [room] = await add([label]);
  if (!room) throw new Error("no room");
  await other.fileAll([split(building, room, [`${label}A`, `${label}B`])]);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${room.office_id}`);
  const cell = page.locator(`.stacks [data-office="${room.office_id}"]`);
  await expect(page.getByRole("complementary")).toContainText("已拆分或合并");
  await expect(cell).toHaveCount(0);
  await page.getByRole("button", { name: "撤回此变动" }).click();
  await file(page, "现场只有一间");
  await expect(page.getByRole("dialog")).toContainText("已提交");
  await expect(cell).toHaveCount(1);
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(page.getByRole("dialog")).toContainText("已撤销");
  await expect(cell).toHaveCount(0);
});

test("a room leads to the very conflict that it waits for", async ({ page, request }) => {
  const { qian, unit, building, own, other, add } = await desk(request);
  const label = name("L");
  const [room, next] = await add([label, `${label}X`]);
  if (!room || !next) throw new Error("no room");
  for (const { office_id } of [room, next]) {
    await own.fileAll([rename(building, office_id, `${label}${office_id.slice(0, 2)}a`, "signage")]);
    await other.fileAll([rename(building, office_id, `${label}${office_id.slice(0, 2)}b`, "stated_orally")]);
  }
  const open = await conflicts(qian, unit, building, "field");
  expect(open.length).toBeGreaterThanOrEqual(2);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${room.office_id}`);
  await page.getByRole("complementary").getByRole("link", { name: "去判定" }).click();
  await expect(page).toHaveURL(/tab=conflicts&id=/);
  await expect(page.locator(".card")).toHaveCount(1);
  await expect(page.locator(".card")).toContainText(label);
  await accessible(page);
  // The address is the state: whoever gets the link sees the same one.
  await page.reload();
  await expect(page.locator(".card")).toHaveCount(1);
  await page.getByRole("link", { name: "查看全部" }).click();
  await expect(page.locator(".card").nth(1)).toBeVisible();
  const named = open.map(({ building_id, conflict_id }) => ({ building_id, conflict_id }));
  await qian.post("/conflicts/resolve", { reason: "演示结束", rule: "displayed", conflicts: named });
});

test("thirty conflicts are settled by a rule, the page says how far it is, and all of it is taken back", async ({
  page,
  request,
}) => {
  const { qian, unit, building, own, other, add } = await desk(request);
  const rooms = await add(Array.from({ length: 30 }, () => name("R")));
  await own.fileAll(rooms.map((of) => rename(building, of.office_id, `${of.label}甲`, "signage")));
  await other.fileAll(rooms.map((of) => rename(building, of.office_id, `${of.label}乙`, "stated_orally")));
  const before = (await conflicts(qian, unit, building, "field")).length;
  expect(before).toBe(30);
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=conflicts&kind=field`);
  // A slow server, so that one sees it.
  await page.route("**/conflicts/resolve", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  const latest = page.getByRole("button", { name: "30 条：取最晚的值" });
  await expect(latest).toBeVisible();
  await shot(page, "desk-conflicts");
  await latest.click();
  await file(page, "以后到者为准");
  await expect(page.getByRole("dialog")).toContainText("已处理 25 / 30");
  await expect(page.getByText("已解决 30 条冲突。")).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText("没有待判定的冲突。")).toBeVisible();
  expect(await conflicts(qian, unit, building, "field")).toHaveLength(0);
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(latest).toBeVisible({ timeout: 20_000 });
  const open = await conflicts(qian, unit, building, "field");
  expect(open).toHaveLength(30);
  const named = open.map(({ building_id, conflict_id }) => ({ building_id, conflict_id }));
  await qian.post("/conflicts/resolve", { reason: "演示结束", rule: "displayed", conflicts: named });
});

test("what was set aside is released at once where the reason is one, and what was discarded counts after all", async ({
  page,
  request,
}) => {
  const { qian, unit, building, round, own, add } = await desk(request);
  const wang = await ask(request, "wang");
  const { user_id } = await wang.get("/me");
  const rooms = await add(Array.from({ length: 4 }, () => name("Q")));
  const note = name("Q");
  // Records of somebody else, on a phone that is not his.
  await own.fileAll(
    rooms.map(({ office_id }) => ({
      building, kind: "visit", subject: randomUUID(), author: user_id as string,
      body: { revision: 1, round_id: round, kind: "initial", office_ids: [office_id], outcome: "locked", note },
    })),
  );
  const stateOf = async (office: string) => {
    const { items } = await qian.get(`/buildings/${building}/offices/${office}/timeline`);
    return items.some((of: { kind: string; effective?: boolean }) => of.kind === "visit" && of.effective);
  };
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=quarantine&kind=wrong_owner`);
  const cards = page.locator(".card", { hasText: note });
  await expect(cards).toHaveCount(4);
  await expect(cards.first()).toContainText("锁门（无人）");
  await expect(cards.filter({ hasText: `青屿SOHO 1号楼 23 ${rooms[0]?.label}` })).toHaveCount(1);
  await accessible(page);
  await shot(page, "desk-quarantine");
  // One is discarded, and a moment later let count after all.
  const first = cards.first();
  await first.getByRole("button", { name: "作废", exact: true }).click();
  await file(page, "疑似代传");
  const told = page.locator(".undo");
  await expect(told).toContainText("已作废 1 条");
  await expect(cards).toHaveCount(3);
  await told.getByRole("button", { name: "改为放行" }).click();
  await file(page, "已向本人核实");
  await expect(told).toHaveCount(0);
  await expect.poll(async () => (await Promise.all(rooms.map((of) => stateOf(of.office_id)))).filter(Boolean).length).toBe(1);
  // The others together, one by one.
  await page.getByRole("button", { name: /^放行这 \d+ 条$/ }).click();
  await file(page, "已逐条向本人核实");
  await expect(told).toContainText(/已放行 \d+ 条/);
  await expect(told).toContainText("作废此走访");
  await expect(cards).toHaveCount(0);
  for (const { office_id } of rooms) expect(await stateOf(office_id)).toBe(true);
  await page.getByRole("link", { name: "含已处理" }).click();
  await expect(cards).toHaveCount(4);
  await cards.first().getByRole("link", { name: "去看计入处" }).click();
  await expect(page.getByRole("complementary").getByRole("button", { name: "作废此走访" })).toBeVisible();
});
