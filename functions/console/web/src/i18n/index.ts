import { useEffect, useState } from "preact/hooks";
import { en } from "./en";

export type Key = keyof typeof en;
export type Catalog = Record<Key, string>;
export type Language = "en" | "de";

/** The languages, by the name that their speakers use. A new one is a file beside `de.ts` and a line here. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };

const CATALOGS: Record<Language, () => Promise<Catalog>> = {
  en: () => Promise.resolve(en),
  de: () => import("./de").then((module) => module.de),
};

const STORED = "parlance.language";
let language: Language = "en";
let catalog: Catalog = en;
let plurals = new Intl.PluralRules("en");
const listeners = new Set<() => void>();

/** The language that was chosen here, else the first of the browser that there is. */
export function preferredLanguage(): Language {
  const known = (name: string | null): name is Language => name !== null && name in LANGUAGES;
  const stored = localStorage.getItem(STORED);
  if (known(stored)) return stored;
  return navigator.languages.map((name) => name.slice(0, 2)).find(known) ?? "en";
}

export async function setLanguage(chosen: Language, store = true): Promise<void> {
  catalog = await CATALOGS[chosen]();
  language = chosen;
  plurals = new Intl.PluralRules(chosen);
  if (store) localStorage.setItem(STORED, chosen);
  document.documentElement.lang = chosen;
  listeners.forEach((listener) => listener());
}

export function currentLanguage(): Language {
  return language;
}

type Values = Record<string, string | number>;

/**
 * Returns a text in the current language. `{name}` stands for a value. With a value `count`, the key names a pair of
 * texts: `documents.count_one` and `documents.count_other`.
 */
export function t(key: Key, values?: Values): string {
  return catalog[key].replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values?.[name];
    return value === undefined ? all : typeof value === "number" ? number(value) : value;
  });
}

type Plural = Key extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never;

/** Returns the text of a number of things. */
export function plural(stem: Plural, count: number, values?: Values): string {
  const form = plurals.select(count) === "one" ? "one" : "other";
  return t(`${stem}_${form}` as Key, { count, ...values });
}

/** Shows the view again when the language changes. */
export function useLanguage(): Language {
  const [, show] = useState(0);
  useEffect(() => {
    const listener = () => show((count) => count + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return language;
}

export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language, options).format(value);
}

export function compact(value: number): string {
  return number(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function percent(share: number): string {
  return number(share, { style: "percent", maximumFractionDigits: 0 });
}

export function dateTime(time: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

export function date(time: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(time));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60],
];

/** `5 minutes ago`, `in 3 hours`. */
export function relative(time: string): string {
  const seconds = (new Date(time).getTime() - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "second");
}

/** Sizes count in powers of 1,024, as the limits of the API do. */
export function bytes(size: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = size < 1 ? 0 : Math.min(3, Math.floor(Math.log2(size) / 10));
  return number(size / 1024 ** power, {
    style: "unit", unit: units[power] ?? "byte", unitDisplay: power ? "short" : "long", maximumFractionDigits: power > 1 ? 1 : 0,
  });
}

export function money(amount: number, currency: string): string {
  return number(amount, { style: "currency", currency: currency.toUpperCase() });
}

/** Costs are millionths of a US dollar: small ones need more digits. */
export function cost(microUsd: number | null): string {
  if (microUsd === null) return t("common.unknown");
  const dollars = microUsd / 1_000_000;
  return number(dollars, { style: "currency", currency: "USD", maximumFractionDigits: dollars !== 0 && dollars < 1 ? 4 : 2 });
}
