import { t } from "../../i18n";

/** Days that statistics can look back. */
const PERIODS = [7, 30, 90];

export function PeriodSelect({ days, onChange }: { days: number; onChange: (days: number) => void }) {
  return (
    <select class="input" aria-label={t("usage.period")} onChange={(event) => onChange(Number(event.currentTarget.value))}>
      {PERIODS.map((each) => <option value={each} selected={each === days}>{t("usage.days", { days: each })}</option>)}
    </select>
  );
}

/** All days from the first to the last, as seconds since 1970, with the value of each; days without one have 0. */
export function byDay(from: string, to: string, values: Map<string, number>): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  for (let at = Date.parse(from.slice(0, 10)); at <= Date.parse(to.slice(0, 10)); at += 86_400_000) {
    x.push(at / 1000);
    y.push(values.get(new Date(at).toISOString().slice(0, 10)) ?? 0);
  }
  return { x, y };
}
