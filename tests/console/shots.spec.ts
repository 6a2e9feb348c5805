// Pictures of the main views, kept in `target/console/shots` to be looked at.
import { address, ask, expect, signIn, test } from "./console";

const SIZES = [
  ["desk", 1440, 900, "light"],
  ["laptop", 1280, 800, "dark"],
  ["tablet", 820, 1180, "light"],
  ["phone", 390, 844, "light"],
] as const;

for (const [name, width, height, colorScheme] of SIZES) {
  test(`the main views at ${width} pixels have nothing that is cut off`, async ({ page, request }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    const qian = await ask(request, "qian");
    const { units } = await qian.get("/org-units");
    const street = units.find((of: { level: string }) => of.level === "street").unit_id;
    const { buildings } = await qian.get(`/buildings?unit=${street}`);
    const of = (code: string) =>
      buildings.find((one: { attributes: { code: string } }) => one.attributes.code === code).building_id;
    await signIn(page, "qian");
    const stack = await qian.get(`/buildings/${of("B04")}/floors`);
    const rooms = stack.sections.flatMap((section: { floors: { offices: object[] }[] }) =>
      section.floors.flatMap((floor) => floor.offices),
    );
    const room = rooms.find((one: { label: string }) => one.label === "605").office_id;
    for (const [view, path, ready] of [
      ["street", `/street/${street}`, ".map .gl[data-idle], .map .plan"],
      ["figure", `/street/${street}?metric=locked_rate&part=numerator&todo=revisit_locked`, ".record"],
      ["trend", `/street/${street}?trend=table`, ".pace tbody tr"],
      ["open-floors", `/street/${street}/open-floors`, ".sheet table"],
      ["conflicts", `/desk/${street}?tab=conflicts`, ".desk .card, .desk .empty"],
      ["tall", `/building/${of("B01")}`, ".storey"],
      ["sections", `/building/${of("B09")}`, ".storey"],
      ["rounds", `/manage/${street}?tab=rounds`, ".manage .round"],
      ["teams", `/manage/${street}?tab=teams`, ".manage .crew"],
      ["roster", `/manage/${street}?tab=roster`, ".manage .choose"],
      ["phones", `/manage/${street}?tab=phones`, ".manage [role=table]"],
      ["photos", `/desk/${street}?tab=findings`, ".desk .cards, .desk .empty"],
      ["story", `/building/${of("B04")}?office=${room}`, ".timeline"],
    ] as const) {
      await page.goto(address() + path);
      await expect(page.locator(ready).first()).toBeVisible({ timeout: 20_000 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, `${view}: the page is wider than the window`).toBeLessThanOrEqual(0);
      const path_ = `../../target/console/shots/${view}-${name}.png`;
      await page.screenshot({ path: path_, fullPage: view !== "story" });
    }
  });
}
