// The auditor's walk (W5): can the building be believed? A room's times and elements, a photo's bytes and
// proof, who took a room off the list, and what is left of a building when one visit does not hold.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessible, address, ask, expect, signIn, test } from "./console";

const MONDAY_MS = Date.parse("2026-11-23T00:00:00+08:00");
const at = (day: number, hour: number, minute = 0) =>
  MONDAY_MS + ((day * 24 + hour) * 60 + minute) * 60_000;

interface Room {
  office_id: string;
  label: string;
  state: string;
}

interface Item {
  op_id: string;
  kind: string;
  author: string;
  effective?: boolean;
  voided?: boolean;
  visit_id?: string;
  class?: string;
  body: { photos?: { photo_id: string; sha256: string; kind: string }[] };
}

async function tower(request: Parameters<typeof ask>[0], code = "B04") {
  const qian = await ask(request, "qian");
  const { units } = await qian.get("/org-units");
  const unit = units.find((of: { level: string }) => of.level === "street").unit_id as string;
  const { buildings } = await qian.get(`/buildings?unit=${unit}`);
  const building = buildings.find((of: { attributes: { code: string } }) => of.attributes.code === code)
    .building_id as string;
  const stack = await qian.get(`/buildings/${building}/floors`);
  const rooms: Room[] = stack.sections.flatMap((section: { floors: { offices: Room[] }[] }) =>
    section.floors.flatMap((floor) => floor.offices),
  );
  const room = (label: string) => rooms.find((of) => of.label === label)?.office_id ?? "";
  const items = async (office: string): Promise<Item[]> =>
    (await qian.get(`/buildings/${building}/offices/${office}/timeline`)).items;
  return { qian, building, round: stack.round_id as string, rooms, room, items };
}

test("W2: a room says which visit and who obtained each of the six elements", async ({ page, request }) => {
  const { building, room } = await tower(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${room("303")}`);
  const elements = page.locator(".elements li");
  await expect(elements).toHaveCount(6);
  await expect(elements.filter({ hasText: "一问：单位" })).toContainText("林一检 11-23 周一 10:20");
  await expect(elements.filter({ hasText: "三查：台账合同" })).toContainText("11-24 周二");
  const tenant = page.locator(".tenants li");
  await expect(tenant).toContainText("海棠资产管理");
  await expect(tenant).toContainText("执照二维码");
  await accessible(page);
});

test("a part of a split room leads to the room that it came from", async ({ page, request }) => {
  const { building, room } = await tower(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${room("603A")}`);
  const descent = page.locator(".descent");
  await expect(descent).toContainText("拆分为");
  await descent.getByRole("link", { name: "603", exact: true }).click();
  const old = page.getByRole("complementary", { name: "603 室" });
  await expect(old).toContainText("已拆分或合并");
  await descent.getByRole("link", { name: "603B" }).click();
  await expect(page.getByRole("complementary", { name: "603B 室" })).toBeVisible();
});

test("W5: a photo's original is what was recorded, and its bundle proves it without the server", async ({
  page,
  request,
}, info) => {
  const { qian, building, room, items } = await tower(request);
  const photo = (await items(room("605"))).flatMap((item) => item.body.photos ?? []).at(0);
  if (!photo) throw new Error("605 has no photo");
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${room("605")}`);
  const panel = page.getByRole("complementary", { name: "605 室" });
  await panel.getByRole("button", { name: "锁门取证" }).click();
  await page.getByLabel("查看事由").fill("审计核对");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  // A photo whose preview is not made yet is shown as its original, and checked unasked.
  await expect(async () => {
    const check = dialog.getByRole("button", { name: "调取原图核对" });
    await check.click({ timeout: 1_000 }).catch(() => undefined);
    await expect(dialog).toContainText("原图与所记一致", { timeout: 4_000 });
  }).toPass({ timeout: 40_000 });
  await expect(dialog).toContainText(photo.sha256);
  await expect(dialog.locator(".entries")).toContainText("收到并落盘");
  await expect(dialog.locator(".entries")).toContainText("归档后回读核验");
  await accessible(page);
  // The same without the page: the bytes that the link gives have the hash of the record.
  const { url } = await qian.post(`/photos/${photo.photo_id}/link`, { variant: "original", reason: "审计" });
  const bytes = await (await request.get(address() + url)).body();
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(photo.sha256);
  const coming = page.waitForEvent("download");
  await dialog.getByRole("link", { name: "存证材料" }).click();
  const bundle = info.outputPath("bundle.zip");
  await (await coming).saveAs(bundle);
  const key = (await qian.text("/evidence/log/key")).trim().split("\n").at(-1) ?? "";
  const verify = ["evidence", "verify", "bundle", bundle, "--key", key];
  const program = process.env["SAOLOU_PROGRAM"];
  const cargo = ["run", "--quiet", "--locked", "--package", "saolou-server", "--", ...verify];
  // Fails unless the auditor's program says that it is proved.
  execFileSync(program ?? "cargo", program ? verify : cargo, { encoding: "utf8" });
});

test("the photo viewer is worked by keys alone", async ({ page, request }) => {
  const { building, rooms, items } = await tower(request);
  let office = "";
  for (const room of rooms) {
    const found = (await items(room.office_id)).some((item) => (item.body.photos?.length ?? 0) > 1);
    if (found) office = room.office_id;
    if (found) break;
  }
  expect(office, "a record of the story promises two photos").not.toBe("");
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building}?office=${office}`);
  const several = page.locator(".photos").filter({ has: page.locator("li:nth-child(2)") });
  await several.first().getByRole("button").first().focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  const reason = dialog.getByLabel("查看事由");
  const image = dialog.locator(".stage img");
  // Which of both comes depends on what the photo shows; neither turns into the other by itself.
  const isAsked = await reason.or(image).evaluate((of) => of.tagName === "INPUT");
  if (isAsked) {
    await reason.fill("核对");
    await page.keyboard.press("Enter");
  }
  await expect(image).toBeVisible();
  const zoom = dialog.getByRole("group", { name: "缩放" }).locator("output");
  await dialog.getByRole("button", { name: "放大" }).focus();
  await page.keyboard.press("+");
  await expect(zoom).toHaveText("150%");
  await page.keyboard.press("Shift+ArrowRight");
  await expect(image).toHaveAttribute("style", /translate\(-80px/);
  await page.keyboard.press("0");
  await expect(zoom).toHaveText("100%");
  await page.keyboard.press("ArrowRight");
  await expect(dialog.locator(".turn output")).toContainText("2 /");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("W5: whoever took a room off the list is not who claimed that it is none, and there is a photo", async ({
  request,
}) => {
  const { rooms, items } = await tower(request);
  const excluded = rooms.filter((room) => room.state === "excluded");
  expect(excluded.map((room) => room.label)).toEqual(["803"]);
  for (const room of excluded) {
    const filed = await items(room.office_id);
    const claims = filed.filter((item) => item.class === "X");
    const approvals = filed.filter((item) => item.kind === "exclusion_approve");
    expect(approvals).not.toEqual([]);
    expect(claims.flatMap((item) => item.body.photos ?? [])).not.toEqual([]);
    for (const { author } of approvals) expect(claims.map((claim) => claim.author)).not.toContain(author);
  }
});

test("the story of 潮汐大厦 replays with the figures of every moment", async ({ page, request }) => {
  const { building } = await tower(request);
  await signIn(page, "qian");
  for (const [when, share, of, shown] of [
    [at(0, 8), "0.0%", "0 / 37", ["unvisited", 37]],
    [at(0, 17, 30), "32.4%", "12 / 37", ["unvisited", 20]],
    [at(1, 8, 36), "39.4%", "15 / 38", ["blocked", 2]],
    [at(1, 17, 30), "71.7%", "28 / 39", ["locked", 6]],
    [at(2, 17, 30), "97.3%", "37 / 38", ["locked", 1]],
    [at(3, 10, 5), "100.0%", "38 / 38", ["locked", 0]],
  ] as const) {
    await page.goto(`${address()}/building/${building}?as_of=${when}`);
    await expect(page.locator(".metric.large")).toContainText(share);
    await expect(page.locator(".metric.large")).toContainText(of);
    await expect(page.locator(`.stacks .room.${shown[0]}`)).toHaveCount(shown[1]);
  }
});

test("W5: a visit that does not hold is voided with a reason, and the accepted building doubtful until that is undone", async ({
  page,
  request,
}) => {
  const { qian, building, round, room, items } = await tower(request);
  const office = room("305");
  const accepted = await qian.post(`/buildings/${building}/decisions`, {
    reason: "七项条件齐备",
    seen: [],
    decision: { building_accept: { round_id: round } },
  });
  expect(accepted.status).toBe("filed");
  const undo = (ops: string[]) => qian.post("/conflicts/undo", { building_id: building, ops, reason: "演示结束" });
  try {
    await signIn(page, "qian");
    await page.goto(`${address()}/building/${building}?office=${office}`);
    const state = page.locator(".headline .state");
    await expect(state).toHaveText("全覆盖（已验收）");
    await page.getByRole("button", { name: "作废此走访" }).first().click();
    await page.getByLabel("理由").fill("抽查不实");
    await page.getByRole("button", { name: "确定" }).click();
    await expect(page.getByRole("dialog")).toContainText("已提交");
    const cell = page.locator(`.stacks [data-office="${office}"]`);
    await expect(cell).toHaveClass(/unvisited/);
    await expect(state).toHaveText("验收存疑");
    await page.getByRole("button", { name: "撤销" }).click();
    await expect(cell).toHaveClass(/covered/);
    await page.keyboard.press("Escape");
    // Nothing of it is forgotten: the void stays on the timeline, with its reason.
    await expect(page.locator(".timeline")).toContainText("抽查不实");
    expect((await items(office)).map((item) => item.kind)).toContain("visit_void");
  } finally {
    const voids = (await items(office)).filter((item) => item.kind === "visit_void");
    await undo(voids.map((item) => item.op_id));
    await undo([accepted.op_id]);
  }
});
