import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, expect, test, vi } from "vitest";

beforeAll(() => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
});

const { en } = await import("../src/i18n/en");
const { de } = await import("../src/i18n/de");

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test("German has the same keys as English, and the same values in each text", () => {
  expect(Object.keys(de)).toEqual(Object.keys(en));
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(placeholders(de[key]), key).toEqual(placeholders(en[key]));
});

test("every text is used by a view", () => {
  const files = readdirSync(new URL("../src", import.meta.url), { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file) && !file.includes("i18n/"));
  const source = files.map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8")).join("\n");
  // Keys that are put together: `documents.status_${status}`.
  const built = [...source.matchAll(/`([a-z]+\.[a-z_]*)\$\{/g)].map((found) => found[1] ?? "");
  const unused = Object.keys(en).filter((key) => {
    const stem = key.replace(/_(one|other)$/, "");
    return !source.includes(`"${key}"`) && !source.includes(`"${stem}"`) && !built.some((prefix) => key.startsWith(prefix));
  });
  expect(unused).toEqual([]);
});

test("numbers choose the form of a text, in each language", async () => {
  const { plural, setLanguage, t } = await import("../src/i18n");
  expect(plural("common.shown", 1)).toBe("1 entry shown");
  expect(plural("common.shown", 1200)).toBe("1,200 entries shown");
  await setLanguage("de");
  expect(plural("common.shown", 1200)).toBe("1.200 Einträge angezeigt");
  expect(t("home.title", { name: "<b>$&</b>" })).toBe("Willkommen, <b>$&</b>");
  await setLanguage("en");
});
