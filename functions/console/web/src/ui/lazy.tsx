import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorNote } from "./errors";
import { Loading } from "./page";

/** A view that is loaded when it is first shown. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [state, setState] = useState<{ view: ComponentType<Props> | null; error: unknown }>({ view: loaded, error: null });
    const fetchView = () =>
      load().then(
        (view) => {
          loaded = view;
          setState({ view, error: null });
        },
        (error: unknown) => setState({ view: null, error }),
      );
    useEffect(() => {
      if (!loaded) void fetchView();
    }, []);
    // After a deployment the files of an old page may be gone: only loading the page again helps.
    if (state.error !== null) return <ErrorNote error={state.error} retry={() => location.reload()} />;
    const View = state.view;
    return View ? <View {...props} /> : <Loading />;
  };
}
