// The street opened up: figures and what they count, ranks, the morning list, the map, and what the
// desk decides about visits that lost their room. Buildings other than those of the walks.
import { createHash, randomUUID } from "node:crypto";
import { accessible, address, ask, expect, signIn, test } from "./console";
import { phoneOf } from "./phone";

// Some of these look at all views, and every record of the street is behind a figure.
test.setTimeout(90_000);

interface Listed {
  building_id: string;
  unit_id: string;
  attributes: { code: string; name: string };
  metrics: Record<string, { part: number; whole: number }>;
}

async function street(request: Parameters<typeof ask>[0]) {
  const qian = await ask(request, "qian");
  const { units } = await qian.get("/org-units");
  const unit = units.find((of: { level: string }) => of.level === "street").unit_id as string;
  const { buildings } = (await qian.get(`/buildings?unit=${unit}&floors=true`)) as { buildings: Listed[] };
  const named = (code: string) => {
    const found = buildings.find((of) => of.attributes.code === code);
    if (!found) throw new Error(`no ${code}`);
    return found;
  };
  return { qian, unit, units: units as { unit_id: string; level: string; name: string }[], buildings, named };
}

const digits = (text: string | null) => Number((text ?? "").replace(/[^\d]/g, ""));

for (const metric of [
  "coverage_rate",
  "visited_rate",
  "inspection_rate",
  "locked_rate",
  "floors_done",
  "recheck_success",
  "three_clear_rate",
  "photo_rate",
]) {
  test(`${metric} opens to records that add up to both its numbers`, async ({ page, request }) => {
    const { unit } = await street(request);
    await signIn(page, "qian");
    await page.goto(`${address()}/street/${unit}?metric=${metric}`);
    const figure = page.locator(".metric[aria-expanded=true] .of");
    const [part, whole] = ((await figure.textContent()) ?? "").split("/").map(digits);
    const parts = page.locator(".drill .parts b");
    await expect(parts).toHaveCount(3, { timeout: 20_000 });
    const [all, counted, rest] = (await parts.allTextContents()).map(digits);
    expect([all, counted, (counted ?? 0) + (rest ?? 0)]).toEqual([whole, part, whole]);
    await page.locator(".drill .parts a").nth(1).click();
    await expect(page).toHaveURL(/part=numerator/);
    const sum = `共 ${(part ?? 0).toLocaleString("en-US").replaceAll(",", "\u2009")} `;
    await expect(page.locator(".drill .sum")).toContainText(sum, { timeout: 20_000 });
  });
}

test("a building's figure opens to its own records", async ({ page, request }) => {
  const { named } = await street(request);
  const { building_id, attributes, metrics } = named("B01");
  await signIn(page, "qian");
  await page.goto(`${address()}/building/${building_id}`);
  await page.locator(".metric", { hasText: "锁门拒检率" }).click();
  await expect(page).toHaveURL(/metric=locked_rate/);
  const { part = 0 } = metrics["locked_rate"] ?? {};
  await page.locator(".drill .parts a").nth(1).click();
  await expect(page.locator(".drill .sum")).toHaveText(`共 ${part} 间`, { timeout: 20_000 });
  await expect(page.locator(".drill .record")).toHaveCount(part);
  await expect(page.locator(".drill .record").first()).toContainText(attributes.name);
  await accessible(page);
  await page.locator(".drill .record").first().click();
  await expect(page.getByRole("complementary")).toContainText(/锁门待复查|拒检/);
});

test("the records are walked by keys, know their place, and open their room", async ({ page, request }) => {
  const { qian, unit } = await street(request);
  const { total } = await qian.get(`/coverage/${unit}/rooms?metric=coverage_rate&part=numerator`);
  expect(total).toBeGreaterThan(200);
  await signIn(page, "qian");
  await page.getByRole("link", { name: /覆盖率/ }).first().click();
  await page.locator(".drill .parts a").nth(1).click();
  await accessible(page);
  // Far fewer rows are on the page than there are.
  const rows = page.locator(".drill li[data-index]");
  await expect(rows.first()).toHaveAttribute("aria-setsize", String(total));
  expect(await rows.count()).toBeLessThan(80);
  await page.locator(".drill .record").first().focus();
  await page.keyboard.press("ArrowDown");
  await expect(page.locator('.drill li[aria-posinset="2"] .record')).toBeFocused();
  await page.keyboard.press("End");
  await expect(page.locator(".drill .record:focus")).toHaveCount(1);
  const place = await page.locator(".drill li:has(:focus)").getAttribute("aria-posinset");
  expect(Number(place)).toBeGreaterThan(200);
  await page.keyboard.press("Home");
  await expect(page.locator('.drill li[aria-posinset="1"] .record')).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/building\/.+office=/);
  await page.goBack();
  await expect(page).toHaveURL(/metric=coverage_rate/);
  await expect(page.locator(".drill .record").first()).toBeVisible();
});

test("a number opens, too, and an earlier time opens as it was then", async ({ page, request }) => {
  const { qian, unit } = await street(request);
  const then = Date.parse("2026-11-24T12:00:00+08:00");
  const { counts } = await qian.get(`/coverage/${unit}?as_of=${then}`);
  await signIn(page, "qian");
  await page.goto(`${address()}/street/${unit}?as_of=${then}`);
  const locked = page.locator(".tally a", { hasText: "锁门" });
  await locked.click();
  await expect(page.locator(".drill .sum")).toHaveText(`共 ${counts.locked} 间`, { timeout: 20_000 });
  await expect(page.locator(".drill .record").first()).toContainText("锁门待复查");
  await locked.click();
  await expect(page.locator(".drill")).toHaveCount(0);
});

test("communities are ranked by coverage, equals share a rank, and nobody is ranked by a number", async ({
  page,
  request,
}) => {
  const { qian, unit } = await street(request);
  const { children } = await qian.get(`/coverage/${unit}`);
  await signIn(page, "qian");
  const rows = page.locator(".ranking tbody tr");
  await expect(rows).toHaveCount(children.length);
  const shown = await rows.evaluateAll((all) =>
    all.map((row) => [row.querySelector(".rank")?.textContent, row.querySelector("th")?.textContent?.trim()]),
  );
  const rate = (name: string | undefined) => {
    const of = children.find((child: { unit: { name: string } }) => child.unit.name === name);
    return of.metrics.coverage_rate.part / Math.max(of.metrics.coverage_rate.whole, 1);
  };
  const rates = shown.map(([, name]) => rate(name ?? undefined));
  expect(rates).toEqual(rates.toSorted((a, b) => b - a));
  expect(shown[0]?.[0]).toBe("1");
  // Teams stand by name, with what they did beside what is covered.
  const { teams } = await qian.get(`/coverage/${unit}/workload`);
  await expect(page.locator(".teams tbody tr")).toHaveCount(teams.length);
  await expect(page.locator(".teams tbody tr").first()).toContainText(`${teams[0].rooms_covered}`);
  await accessible(page);
});

test("the course of the round has three lines, and a table that says the same", async ({ page, request }) => {
  const { qian, unit } = await street(request);
  const { metrics } = await qian.get(`/coverage/${unit}`);
  await signIn(page, "qian");
  await expect(page.locator(".pace canvas")).toBeVisible();
  await expect(page.locator(".pace .lines li").first()).toContainText(`已覆盖 ${metrics.coverage_rate.part}`.replace(/(\d)(\d{3})$/, "$1\u2009$2"));
  await page.getByRole("link", { name: "看表格" }).click();
  await expect(page).toHaveURL(/trend=table/);
  const first = page.locator(".pace tbody tr").first().locator("td");
  expect((await first.allTextContents()).slice(1, 4).map(digits)).toEqual([
    metrics.coverage_rate.part,
    metrics.visited_rate.part,
    metrics.locked_rate.part,
  ]);
});

test("the map tells a building's figures to whoever points at it or reaches it by keys", async ({ page, request }) => {
  const { named } = await street(request);
  const { attributes, metrics } = named("B01");
  await signIn(page, "qian");
  await expect(page.locator(".map .gl[data-idle]")).toBeVisible();
  await expect(page.locator(".map-legend li")).toHaveCount(6);
  const label = page.locator(".map-label", { hasText: attributes.name });
  await label.focus();
  const card = page.locator(".card-of");
  await expect(card).toContainText(attributes.name);
  await expect(card).toContainText(`${metrics["coverage_rate"]?.part}/${metrics["coverage_rate"]?.whole}`);
  await expect(card).toContainText("最近走访");
  await expect(label).toHaveAccessibleName(/覆盖率 \d/);
  await label.blur();
  await expect(card).toHaveCount(0);
});

test("a ground of one's own lies under the buildings, and one that does not come is told of", async ({ page }) => {
  const style = { version: 8, sources: {}, layers: [{ id: "paper", type: "background", paint: { "background-color": "#123456" } }] };
  await page.route("**/api/v1/map", (route) => route.fulfill({ json: { style: "/ground.json" } }));
  await page.route("**/ground.json", (route) => route.fulfill({ json: style }));
  await signIn(page, "qian");
  await expect(page.locator(".map .gl[data-idle]")).toBeVisible();
  const box = await page.locator(".map .gl canvas").screenshot();
  await page.unroute("**/ground.json");
  await page.route("**/ground.json", (route) => route.fulfill({ status: 404 }));
  await page.reload();
  await expect(page.locator(".map .hint.failed")).toContainText("底图未能载入", { timeout: 15_000 });
  await expect(page.locator(".map .gl[data-idle]")).toBeVisible();
  const bare = await page.locator(".map .gl canvas").screenshot();
  expect(createHash("sha256").update(box).digest("hex")).not.toBe(createHash("sha256").update(bare).digest("hex"));
});

test("without WebGL the street is a flat plan that says the same", async ({ page, request }) => {
  const { named } = await street(request);
  await page.addInitScript(() => {
    const real = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...more: unknown[]) {
      return kind.startsWith("webgl") ? null : (real as (...all: unknown[]) => unknown).call(this, kind, ...more);
    } as typeof real;
  });
  await signIn(page, "qian");
  const plan = page.locator(".map .plan");
  await expect(plan).toBeVisible();
  const shape = plan.getByRole("button", { name: new RegExp(named("B01").attributes.name) });
  await shape.focus();
  await expect(page.locator(".card-of")).toContainText("最近走访");
  await accessible(page);
  await shape.press("Enter");
  await expect(page).toHaveURL(/\/building\//);
});

test("W2: the morning list has every open floor with doors, tries and times, to print and to copy", async ({
  page,
  request,
  context,
}) => {
  const { qian, unit } = await street(request);
  const { floors } = await qian.get(`/coverage/${unit}/open-floors`);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: address() });
  await signIn(page, "qian");
  await page.getByRole("link", { name: "未走访及锁门楼层清单" }).click();
  await expect(page).toHaveURL(/open-floors/);
  await expect(page.locator(".sheet tbody tr").first()).toBeVisible();
  expect(await page.locator(".sheet tbody tr").count()).toBeGreaterThanOrEqual(floors.length);
  const shut = floors.find((floor: { locked: { state: string }[] }) => floor.locked.some((of) => of.state === "locked"));
  const door = shut.locked.find((of: { state: string }) => of.state === "locked");
  await expect(page.locator(".sheet td.of-locked", { hasText: `${door.label}（${door.attempts} 次，` }).first()).toBeVisible();
  await expect(page.locator(".sheet td.of-slots", { hasText: /上午|下午|晚间/ }).first()).toBeVisible();
  await accessible(page);
  await page.getByRole("button", { name: "复制为表格" }).click();
  await expect(page.getByText("已复制")).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  const lines = copied.split("\n").map((line) => line.split("\t").length);
  expect(new Set(lines)).toEqual(new Set([8]));
  const paper = await page.pdf({ preferCSSPageSize: true, path: "../../target/console/shots/open-floors.pdf" });
  expect(paper.length).toBeGreaterThan(10_000);
});

test("a visit whose room was split is moved to its part at the desk, and back again", async ({ page, request }) => {
  const { qian, unit, named } = await street(request);
  const { building_id } = named("B11");
  // Rooms of our own, so that the street stays as it is for others: one that was visited, then split.
  const stack = await qian.get(`/buildings/${building_id}/floors`);
  const floor = stack.sections[0].floors.find((of: { offices: unknown[] }) => of.offices.length > 0);
  const [room, left, right] = [randomUUID(), randomUUID(), randomUUID()];
  const label = `T${Date.now() % 100_000}`;
  const phone = await phoneOf(request, "qian");
  const add = await phone.file(building_id, "office_add", room, { floor_id: floor.floor_id, office_id: room, label });
  const visit = randomUUID();
  await phone.file(building_id, "visit", visit, {
    revision: 1, round_id: stack.round_id, kind: "initial", office_ids: [room], outcome: "locked",
  });
  await phone.file(
    building_id,
    "office_split",
    room,
    {
      parent: room,
      children: [
        { office_id: left, label: `${label}A` },
        { office_id: right, label: `${label}B` },
      ],
    },
    [add],
  );
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=conflicts&kind=needs_reassignment`);
  const card = page.locator(".card", { hasText: label });
  await expect(card).toBeVisible();
  await accessible(page);
  await card.getByRole("button", { name: "改归房间" }).click();
  await page.getByLabel(/的走访应归/).selectOption({ value: right });
  await page.getByLabel("理由").fill("照片显示门牌为B");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(page.getByText("已解决 1 条冲突。")).toBeVisible();
  await expect(card).toHaveCount(0);
  const state = async () => {
    const { sections } = await qian.get(`/buildings/${building_id}/floors`);
    const rooms = sections.flatMap((of: { floors: { offices: { office_id: string; state: string }[] }[] }) =>
      of.floors.flatMap(({ offices }) => offices),
    );
    return rooms.find((of: { office_id: string }) => of.office_id === right)?.state;
  };
  expect(await state()).toBe("locked");
  await page.getByRole("button", { name: "撤销" }).click();
  await expect(card).toBeVisible();
  expect(await state()).toBe("unvisited");
  // Nothing is left for the desk that others will look at.
  const { conflicts } = await qian.get(`/conflicts?unit=${unit}`);
  const open = conflicts.filter((of: { code: string }) => of.code === "needs_reassignment");
  const items = open.map((of: { conflict_id: string; building_id: string }) => ({
    building_id: of.building_id,
    conflict_id: of.conflict_id,
    choice: { office: right },
  }));
  const { results } = await qian.post("/conflicts/resolve", { reason: "演示结束", items });
  expect(results.map((of: { status: string }) => of.status)).toContain("resolved");
});

test("every word of the new views is English where English is chosen, and nothing shuts anybody out", async ({
  page,
  request,
}) => {
  const { unit } = await street(request);
  await signIn(page, "qian");
  await page.getByRole("button", { name: "English" }).click();
  for (const [path, ready, said] of [
    [`/street/${unit}?metric=photo_rate`, ".drill .record", ".drill header, .drill .parts, .tally, .ranking thead, .teams thead, .map-legend"],
    [`/street/${unit}?metric=locked&trend=table`, ".pace tbody", ".drill header, .pace thead, .ranking .said, .teams .said"],
    [`/street/${unit}/open-floors`, ".sheet tbody", ".sheet thead, .sheet .does"],
    [`/desk/${unit}?tab=conflicts`, ".desk-list", ".desk-list > header, .desk .tabs"],
    [`/desk/${unit}?tab=quarantine&kind=all`, ".desk-list", ".desk-list .parts"],
  ] as const) {
    await page.goto(address() + path);
    await expect(page.locator(ready).first()).toBeVisible({ timeout: 20_000 });
    expect((await page.locator(said).allTextContents()).join(" ")).not.toMatch(/[\u4e00-\u9fff]/);
    await accessible(page);
  }
});

test("what is set aside is attached to the room where it belongs", async ({ page, request }) => {
  const { qian, unit, named } = await street(request);
  const { building_id } = named("B11");
  const stack = await qian.get(`/buildings/${building_id}/floors`);
  const floor = stack.sections[0].floors.find((of: { offices: unknown[] }) => of.offices.length > 0);
  const room = randomUUID();
  const label = `Q${Date.now() % 100_000}`;
  const qians = await phoneOf(request, "qian");
  await qians.file(building_id, "office_add", room, { floor_id: floor.floor_id, office_id: room, label });
  // A record of somebody else's, which waits for the desk.
  const wang = await ask(request, "wang");
  const { user_id } = await wang.get("/me");
  const body = {
    revision: 1, round_id: stack.round_id, kind: "initial", office_ids: [randomUUID()], outcome: "locked", note: label,
  };
  await qians.file(building_id, "visit", randomUUID(), body, [], user_id);
  await signIn(page, "qian");
  await page.goto(`${address()}/desk/${unit}?tab=quarantine`);
  const card = page.locator(".card", { hasText: label });
  await expect(card).toBeVisible();
  await card.getByRole("button", { name: "挂接到…" }).click();
  await accessible(page);
  await page.getByRole("dialog").getByLabel("房间").selectOption({ value: room });
  await page.getByLabel("理由").fill("照片显示门牌");
  await page.getByRole("button", { name: "确定" }).click();
  await expect(card).toHaveCount(0);
  const { items } = await qian.get(`/buildings/${building_id}/offices/${room}/timeline`);
  expect(items.some((of: { kind: string; effective?: boolean }) => of.kind === "visit" && of.effective)).toBe(true);
  await page.getByRole("link", { name: "含已处理" }).click();
  await expect(card).toContainText("已挂接");
});

test("what others file moves the open figure and its records, and nobody loses his place", async ({ page, request }) => {
  const { qian, named } = await street(request);
  const { building_id } = named("B11");
  await signIn(page, "qian");
  await page.locator(".metric", { hasText: "走访率" }).click();
  const list = page.locator(".drill .rows");
  await expect(page.locator(".drill .record").first()).toBeVisible();
  await list.evaluate((of) => of.scrollTo(0, 4000));
  const before = await page.locator(".drill .parts b").first().textContent();
  const scroll = await list.evaluate((of) => of.scrollTop);
  const stack = await qian.get(`/buildings/${building_id}/floors`);
  const floor = stack.sections[0].floors.find((of: { offices: unknown[] }) => of.offices.length > 0);
  const room = randomUUID();
  const phone = await phoneOf(request, "qian");
  await phone.file(building_id, "office_add", room, {
    floor_id: floor.floor_id, office_id: room, label: `L${Date.now() % 100_000}`,
  });
  await expect(page.locator(".drill .parts b").first()).not.toHaveText(before ?? "", { timeout: 15_000 });
  expect(digits(await page.locator(".drill .parts b").first().textContent())).toBe(digits(before) + 1);
  expect(Math.abs((await list.evaluate((of) => of.scrollTop)) - scroll)).toBeLessThan(60);
});

test("an inspector comes to the buildings of his team, and is offered no decision", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page, "wang");
  await expect(page).toHaveURL(/\/assigned/);
  const list = page.getByRole("region", { name: "楼宇" });
  await expect(list.getByRole("link")).toHaveCount(4);
  await accessible(page);
  await page.screenshot({ path: "../../target/console/shots/assigned-phone.png" });
  await list.getByRole("link", { name: /潮汐大厦/ }).click();
  await expect(page.getByRole("heading", { name: "潮汐大厦" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "全覆盖验收" })).toBeVisible();
  await expect(page.getByRole("button", { name: "验收" })).toHaveCount(0);
  await page.getByRole("link", { name: "我的楼宇" }).click();
  await expect(page).toHaveURL(/\/assigned/);
});

test("whoever reads no coverage is told so, and what to do", async ({ page }) => {
  await signIn(page, "wei");
  await expect(page.getByText("您的账号不查看摸排进度")).toBeVisible();
});

test("the work of a team opens to the visits that it counts, and a link shows them", async ({ page, request }) => {
  const { qian, unit } = await street(request);
  await signIn(page, "qian");
  await page.goto(`${address()}/street/${unit}`);
  const { teams } = await qian.get(`/coverage/${unit}/workload`);
  const team = teams.find((of: { name: string }) => of.name === "望潮一组");
  await page.getByRole("link", { name: `望潮一组 锁门/未入 ${team.shut}` }).click();
  await expect(page).toHaveURL(new RegExp(`team=${team.team_id}.*work=shut`));
  const list = page.locator(".teams .drill");
  await expect(list.locator(".sum")).toHaveText(`共 ${team.shut} 次走访`);
  await expect(list.locator(".record")).toHaveCount(team.shut);
  await accessible(page);
  await page.getByRole("link", { name: new RegExp(`^望潮一组 已覆盖房间 ${team.rooms_covered}`) }).click();
  await expect(list.locator(".sum")).toContainText(`共 ${team.rooms_covered} 间`);
  await page.reload();
  await expect(list.locator(".sum")).toContainText(`共 ${team.rooms_covered} 间`);
  await list.locator(".record").first().click();
  await expect(page).toHaveURL(/building\/.*office=/);
  await expect(page.getByRole("complementary")).toContainText("走访与变动");
});
