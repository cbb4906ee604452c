import { useMemo } from "preact/hooks";
import { number } from "../i18n";
import { Bars } from "./bars";
import { Plot, type Series } from "./plot";

interface Axis {
  field: string;
  type: string;
  title?: string | null;
}

interface Spec {
  mark: "line" | "bar" | "point";
  x: Axis;
  y: Axis;
  color: Axis | null;
  rows: Record<string, unknown>[];
}

const axisOf = (value: unknown): Axis | null => {
  const axis = value as Partial<Axis> | undefined;
  return axis && typeof axis.field === "string" && typeof axis.type === "string" ? (axis as Axis) : null;
};

/** Reads the chart of a query: Vega-Lite with one mark and the axes that the API chooses. `null` for anything else. */
export function readSpec(chart: unknown): Spec | null {
  const spec = chart as { mark?: unknown; encoding?: Record<string, unknown>; data?: { values?: unknown } } | null;
  const [x, y, color] = [axisOf(spec?.encoding?.["x"]), axisOf(spec?.encoding?.["y"]), axisOf(spec?.encoding?.["color"])];
  const rows = spec?.data?.values;
  const mark = spec?.mark;
  if (!x || !y || !Array.isArray(rows) || (mark !== "line" && mark !== "bar" && mark !== "point")) return null;
  return { mark, x, y, color, rows: rows as Record<string, unknown>[] };
}

const text = (value: unknown) => (value === null || value === undefined ? "–" : String(value));
const amount = (value: unknown) => (typeof value === "number" ? value : Number(value));
const precise = (value: number) => number(value, { maximumFractionDigits: 2 });

/** Draws the chart of a query. */
export function AnswerChart({ chart, label }: { chart: unknown; label: string }) {
  const spec = useMemo(() => readSpec(chart), [chart]);
  if (!spec) return null;
  if (spec.mark === "bar") return <BarChart spec={spec} label={label} />;
  return <XyChart spec={spec} label={label} />;
}

function BarChart({ spec, label }: { spec: Spec; label: string }) {
  const { names, bars } = useMemo(() => {
    const color = spec.color;
    const names = color ? [...new Set(spec.rows.map((row) => text(row[color.field])))] : [];
    const categories = [...new Set(spec.rows.map((row) => text(row[spec.y.field])))];
    const bars = categories.map((category) => {
      const rows = spec.rows.filter((row) => text(row[spec.y.field]) === category);
      const sum = (of: typeof rows) => of.reduce((total, row) => total + (amount(row[spec.x.field]) || 0), 0);
      return {
        label: category,
        values: color ? names.map((name) => sum(rows.filter((row) => text(row[color.field]) === name))) : [sum(rows)],
      };
    });
    return { names, bars };
  }, [spec]);
  return <Bars label={label} bars={bars} names={names} format={precise} />;
}

function XyChart({ spec, label }: { spec: Spec; label: string }) {
  const isTime = spec.x.type === "temporal";
  const { x, series } = useMemo(() => {
    const position = (row: Record<string, unknown>) => {
      const value = row[spec.x.field];
      return isTime ? Date.parse(`${text(value)}${/^\d{4}-\d{2}$/.test(text(value)) ? "-01" : ""}`) / 1000 : amount(value);
    };
    const color = spec.color;
    const names = color ? [...new Set(spec.rows.map((row) => text(row[color.field])))] : [spec.y.title ?? ""];
    const points = spec.rows.map((row) => ({ at: position(row), row })).filter(({ at }) => Number.isFinite(at)).sort((one, other) => one.at - other.at);
    // Points may share a position; a line has one value at each.
    const x = spec.mark === "point" ? points.map(({ at }) => at) : [...new Set(points.map(({ at }) => at))];
    const series = names.map((name): Series => {
      const own = points.filter(({ row }) => !color || text(row[color.field]) === name);
      const values = spec.mark === "point" ? own.map(({ row }) => amount(row[spec.y.field]))
        : x.map((at) => { const found = own.find((point) => point.at === at); return found ? amount(found.row[spec.y.field]) : null; });
      return { name, values };
    });
    return { x, series };
  }, [spec]);
  return <Plot label={label} x={x} series={series} kind={spec.mark === "point" ? "points" : "line"} time={isTime} format={precise} />;
}
