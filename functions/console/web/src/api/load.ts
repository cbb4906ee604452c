import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "./client";

export interface Loaded<T> {
  data: T | null;
  error: unknown;
  loading: boolean;
  /** Loads again; what is shown stays until then. */
  reload: () => Promise<void>;
  /** Replaces what is shown, after a change that returned it. */
  set: (data: T) => void;
}

/** Loads something when the view appears and whenever `key` changes. */
export function useLoad<T>(load: () => Promise<T>, key: unknown[] = []): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: unknown; loading: boolean }>({
    data: null, error: null, loading: true,
  });
  const latest = useRef(0);
  const current = useRef(load);
  current.current = load;
  const run = useCallback(async (fresh: boolean) => {
    const mine = ++latest.current;
    setState((old) => ({ data: fresh ? null : old.data, error: null, loading: true }));
    try {
      const data = await current.current();
      if (mine === latest.current) setState({ data, error: null, loading: false });
    } catch (error) {
      if (mine === latest.current) setState((old) => ({ data: old.data, error, loading: false }));
    }
  }, []);
  useEffect(() => {
    void run(true);
    return () => {
      latest.current += 1;
    };
  }, key);
  const reload = useCallback(() => run(false), [run]);
  const set = useCallback((data: T) => setState({ data, error: null, loading: false }), []);
  return { ...state, reload, set };
}

export interface Pages<T> extends Loaded<T[]> {
  /** Whether there is a further page. */
  hasMore: boolean;
  loadingMore: boolean;
  more: () => Promise<void>;
}

/** Loads a list page by page. `load` takes the cursor of the page, `undefined` for the first one. */
export function usePages<T>(load: (cursor?: string) => Promise<Page<T>>, key: unknown[] = []): Pages<T> {
  const [loadingMore, setLoadingMore] = useState(false);
  const [moreError, setMoreError] = useState<unknown>(null);
  // How many pages are shown: loading again shows as many, so that nothing disappears below the reader.
  const shown = useRef({ key: "", pages: 1 });
  const current = JSON.stringify(key);
  if (shown.current.key !== current) shown.current = { key: current, pages: 1 };
  const all = useLoad(async () => {
    const { pages } = shown.current;
    const items: T[] = [];
    let next: string | null = null;
    for (let count = 0; count < pages && (count === 0 || next !== null); count += 1) {
      const page: Page<T> = await load(next ?? undefined);
      items.push(...page.items);
      next = page.next;
    }
    setMoreError(null);
    return { items, next };
  }, key);
  const next = all.data?.next ?? null;
  const more = async () => {
    if (!next || loadingMore) return;
    setLoadingMore(true);
    setMoreError(null);
    try {
      const page = await load(next);
      shown.current.pages += 1;
      all.set({ items: [...(all.data?.items ?? []), ...page.items], next: page.next });
    } catch (error) {
      setMoreError(error);
    } finally {
      setLoadingMore(false);
    }
  };
  return {
    data: all.data?.items ?? null, error: all.error ?? moreError, loading: all.loading, loadingMore, hasMore: next !== null, more,
    reload: all.reload, set: (items) => all.set({ items, next }),
  };
}

/** Calls back every `seconds` while `active`, and not while the page is hidden. */
export function usePolling(active: boolean, seconds: number, work: () => Promise<void>): void {
  const current = useRef(work);
  current.current = work;
  useEffect(() => {
    if (!active) return;
    let timer = 0;
    const tick = async () => {
      if (!document.hidden) await current.current().catch(() => undefined);
      timer = window.setTimeout(tick, seconds * 1000);
    };
    timer = window.setTimeout(tick, seconds * 1000);
    return () => window.clearTimeout(timer);
  }, [active, seconds]);
}
