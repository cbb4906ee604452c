import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import type { Loaded, Pages } from "../api/load";
import { plural, t } from "../i18n";
import { Button } from "./button";
import { ErrorNote } from "./errors";
import type { IconName } from "./icon";
import { Icon } from "./icon";

let navigated = false;

/** Heading of a view. It names the document, and gets the focus when the view was reached by a link of the console. */
export function PageHead({ title, text, back, actions, quiet }: {
  title: string; text?: ComponentChildren; back?: { href: string; label: string }; actions?: ComponentChildren;
  /** Leaves the focus where it is, because the view has a better place for it. */
  quiet?: boolean;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [path] = useLocation();
  useEffect(() => {
    document.title = `${title} · Parlance`;
  }, [title]);
  useEffect(() => {
    if (navigated && !quiet) heading.current?.focus();
    navigated = true;
  }, [path]);
  return (
    <div class="page-head">
      <div>
        {back && <Link class="crumb" href={back.href}>← {back.label}</Link>}
        <h1 tabIndex={-1} ref={heading}>{title}</h1>
        {text && <p>{text}</p>}
      </div>
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

export function Loading() {
  return (
    <div class="skeleton" role="status" aria-label={t("common.loading")}><i /><i /><i /><i /></div>
  );
}

export function Empty({ icon, title, text, children }: { icon?: IconName; title: string; text: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {icon && <Icon name={icon} />}
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </div>
  );
}

/** What was loaded; until then that it loads, or why it failed. */
export function Async<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.data === null) return of.error !== null ? <ErrorNote error={of.error} retry={of.reload} /> : <Loading />;
  return (
    <>
      {of.error !== null && <ErrorNote error={of.error} retry={of.reload} />}
      {children(of.data)}
    </>
  );
}

/** A list that is loaded page by page: its empty state, its entries, and the button for more. */
export function PagedList<T>({ of, empty, children }: {
  of: Pages<T>; empty: ComponentChildren; children: (items: T[]) => ComponentChildren;
}) {
  return (
    <Async of={of}>
      {(items) => items.length === 0 && !of.hasMore ? empty : (
        <div class="stack">
          {children(items)}
          {of.hasMore && (
            <div class="row between">
              <span class="soft small">{plural("common.shown", items.length)}</span>
              <Button onClick={of.more} busy={of.loadingMore}>{t("common.more")}</Button>
            </div>
          )}
        </div>
      )}
    </Async>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  /** `main` names the row, `num` is a number, `optional` is left out on narrow screens, `actions` has buttons. */
  kind?: "main" | "num" | "optional" | "actions" | "optional num";
}

export function Table<T>({ label, columns, rows, id }: { label: string; columns: Column<T>[]; rows: T[]; id: (row: T, index: number) => string }) {
  return (
    <div class="table-box" role="region" aria-label={label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={column.kind}>
                {column.kind === "actions" ? <span class="visually-hidden">{column.head}</span> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={id(row, index)}>{columns.map((column) => <td class={column.kind}>{column.cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export type Tone = "good" | "warn" | "bad" | "info" | "";

export function Badge({ tone = "", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Tabs({ label, tabs }: { label: string; tabs: { href: string; label: string }[] }) {
  const [path] = useLocation();
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => <Link href={tab.href} aria-current={tab.href === path ? "page" : undefined}>{tab.label}</Link>)}
    </nav>
  );
}

export function Card({ title, actions, children }: { title: string; actions?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="card">
      <header><h2>{title}</h2>{actions}</header>
      {children}
    </section>
  );
}

/** How much of a limit is used. */
export function Meter({ label, used, limit }: { label: string; used: number; limit: number }) {
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "";
  return (
    <div class={`meter ${tone}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={limit} aria-valuenow={Math.min(used, limit)}>
      <i style={{ width: `${share * 100}%` }} />
    </div>
  );
}

export function Tile({ name, value, hint }: { name: string; value: ComponentChildren; hint?: ComponentChildren }) {
  return (
    <div class="tile">
      <div class="name">{name}</div>
      <div class="value">{value}</div>
      {hint && <div class="small soft">{hint}</div>}
    </div>
  );
}
