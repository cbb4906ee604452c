import { compact } from "../i18n";

export interface Bar {
  label: string;
  /** One value for each of the `names`; a single one without names. */
  values: number[];
}

/** Horizontal bars with their values as text. With `names`, each bar is a stack of several. */
export function Bars({ label, bars, names = [], format = compact }: {
  label: string; bars: Bar[]; names?: string[]; format?: (value: number) => string;
}) {
  const total = (bar: Bar) => bar.values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const most = Math.max(1e-12, ...bars.map(total));
  return (
    <figure class="stack tight" role="group" aria-label={label}>
      {names.length > 1 && (
        <ul class="legend">
          {names.map((name, index) => <li><i style={{ background: `var(--series-${(index % 8) + 1})` }} />{name}</li>)}
        </ul>
      )}
      <div class="bars">
        {bars.map((bar) => (
          <>
            <span class="label truncate" title={bar.label}>{bar.label}</span>
            <span class="bar">
              {bar.values.map((value, index) => value > 0 && (
                <i title={names[index] ? `${names[index] ?? ""}: ${format(value)}` : undefined}
                  style={{ width: `${(value / most) * 100}%`, background: `var(--series-${(index % 8) + 1})` }} />
              ))}
            </span>
            <span class="num">{format(bar.values.reduce((sum, value) => sum + value, 0))}</span>
          </>
        ))}
      </div>
    </figure>
  );
}
