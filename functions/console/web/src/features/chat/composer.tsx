import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";

/** Takes a message. Enter sends it, Shift and Enter begin a new line. */
export function Composer({ running, send, stop, autoFocus }: {
  running: boolean; send: (text: string) => void; stop?: () => Promise<unknown>; autoFocus?: boolean;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    if (autoFocus) area.current?.focus({ preventScroll: true });
  }, []);
  const submit = () => {
    if (running || !text.trim()) return;
    send(text.trim());
    setText("");
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <div class="box">
        <textarea ref={area} class="input" rows={1} aria-label={t("chat.message")} placeholder={t("chat.message")} value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            // While an input method composes a word, Enter belongs to it.
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }} />
        {running && stop
          ? <Button icon="stop" label={t("chat.stop")} onClick={stop} />
          : <Button kind="primary" icon="send" type="submit" label={t("chat.send")} busy={running} disabled={!text.trim()} />}
      </div>
    </form>
  );
}
