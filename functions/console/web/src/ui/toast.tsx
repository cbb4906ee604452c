import { useEffect, useState } from "preact/hooks";

let say: (text: string) => void = () => undefined;

/** Says in passing that something is done. */
export function notify(text: string): void {
  say(text);
}

/** The place for these sentences; screen readers announce them. */
export function Toasts() {
  const [texts, setTexts] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let last = 0;
    say = (text) => {
      const id = ++last;
      setTexts((old) => [...old, { id, text }]);
      setTimeout(() => setTexts((old) => old.filter((toast) => toast.id !== id)), 4000);
    };
  }, []);
  return <div class="toasts" role="status" aria-live="polite">{texts.map(({ id, text }) => <div class="toast" key={id}>{text}</div>)}</div>;
}
