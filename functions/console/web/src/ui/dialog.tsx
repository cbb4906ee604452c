import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Button } from "./button";
import { Form, TextField } from "./form";

/** A modal dialog of the browser: it keeps the focus inside and returns it to where it was. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog class="dialog" ref={element} aria-labelledby={id} onCancel={(event) => {
      event.preventDefault();
      onClose();
    }}>
      <div class="dialog-body">
        <div class="row between nowrap">
          <h2 id={id}>{title}</h2>
          <Button kind="plain" compact icon="close" label={t("common.close")} onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  action: string;
  /** What has to be typed, because the step destroys something; nothing for steps that can be undone. */
  name?: string;
  danger?: boolean;
  /** A choice beside the confirmation. */
  extra?: ComponentChildren;
  run: () => Promise<unknown>;
}

let show: (content: ((close: () => void) => ComponentChildren) | null) => void = () => undefined;

/** Opens a dialog from an event handler. `render` gets the function that closes it. */
export function openDialog(render: (close: () => void) => ComponentChildren): void {
  show(render);
}

/** The place in which `openDialog` shows dialogs; once in the application. */
export function DialogHost() {
  const [content, setContent] = useState<((close: () => void) => ComponentChildren) | null>(null);
  useEffect(() => {
    show = (next) => setContent(() => next);
  }, []);
  return <>{content?.(() => setContent(null))}</>;
}

/** Asks before a step is taken. What destroys something is confirmed by typing its name. */
export function confirmStep(question: Question): void {
  openDialog((close) => <Confirmation {...question} close={close} />);
}

function Confirmation({ title, text, action, name, danger = true, extra, run, close }: Question & { close: () => void }) {
  const [typed, setTyped] = useState("");
  return (
    <Dialog title={title} onClose={close}>
      <p>{text}</p>
      <Form submit={action} kind={danger ? "danger" : "primary"} wide disabled={name !== undefined && typed.trim() !== name.trim()}
        aside={<Button onClick={close}>{t("common.cancel")}</Button>}
        onSubmit={async () => {
          await run();
          close();
        }}>
        {extra}
        {name !== undefined && (
          <TextField name="confirm" label={t("confirm.type", { name })} autoComplete="off" onInput={setTyped} autoFocus />
        )}
      </Form>
    </Dialog>
  );
}
