import { expect, it } from "vitest";
import { en } from "./en";
import { zh } from "./zh";

const leaves = (words: object, path = ""): [string, string][] =>
  Object.entries(words).flatMap(([key, value]) =>
    typeof value === "string" ? [[`${path}${key}`, value] as [string, string]] : leaves(value as object, `${path}${key}.`),
  );

it("both languages have every word, with the same gaps to fill", () => {
  const gaps = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map(([, name]) => name).toSorted();
  const chinese = new Map(leaves(zh));
  const english = new Map(leaves(en));
  expect([...english.keys()].toSorted()).toEqual([...chinese.keys()].toSorted());
  for (const [key, text] of chinese) {
    expect(text, key).not.toBe("");
    expect(gaps(english.get(key) ?? ""), key).toEqual(gaps(text));
  }
});
