import { createContext, type ComponentChildren } from "preact";
import { useContext, useEffect, useId, useRef, useState } from "preact/hooks";
import { ProblemError } from "../api/problem";
import { t } from "../i18n";
import { Button } from "./button";
import { sentence } from "./errors";

/** Values of a form by the names of its fields; checkboxes are `on` or missing. */
export class Values {
  constructor(readonly data: FormData) {}
  text(name: string): string {
    const value = this.data.get(name);
    return typeof value === "string" ? value.trim() : "";
  }
  /** A password, or a text whose spaces matter. */
  exact(name: string): string {
    const value = this.data.get(name);
    return typeof value === "string" ? value : "";
  }
  /** The text, `null` if it is empty. */
  optional(name: string): string | null {
    return this.text(name) || null;
  }
  number(name: string): number | null {
    const text = this.text(name);
    return text === "" ? null : Number(text);
  }
  checked(name: string): boolean {
    return this.data.has(name);
  }
  all(name: string): string[] {
    return this.data.getAll(name).filter((value) => typeof value === "string");
  }
  /** The lines of a text that are not empty. */
  lines(name: string): string[] {
    return this.exact(name).split("\n").map((line) => line.trim()).filter(Boolean);
  }
}

const Failure = createContext<ProblemError | null>(null);

interface FormProps {
  onSubmit: (values: Values) => Promise<unknown>;
  submit: string;
  kind?: "primary" | "danger";
  /** Beside the button that submits. */
  aside?: ComponentChildren;
  wide?: boolean;
  label?: string;
  disabled?: boolean;
  children: ComponentChildren;
}

/**
 * A form. What the API refuses is said beside the field that its JSON pointer names, else above the button; the first
 * refused field gets the focus.
 */
export function Form({ onSubmit, submit, kind = "primary", aside, wide, label, disabled, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const send = async () => {
    if (!form.current || busy) return;
    setBusy(true);
    setError(null);
    try {
      await onSubmit(new Values(new FormData(form.current)));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    if (error) form.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
  }, [error]);
  return (
    <Failure.Provider value={error instanceof ProblemError ? error : null}>
      <form ref={form} class={wide ? "form wide" : "form"} aria-label={label} onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}>
        {children}
        {error !== null && <div class="note bad" role="alert"><p>{summary(error)}</p></div>}
        <div class="row">
          <Button kind={kind} type="submit" busy={busy} disabled={disabled}>{submit}</Button>
          {aside}
        </div>
      </form>
    </Failure.Provider>
  );
}

function summary(error: unknown): string {
  const fields = error instanceof ProblemError ? (error.problem.errors ?? []) : [];
  const texts = fields.map((field) => `${field.pointer.slice(1).replace(/[_/]/g, " ")} ${field.detail}`);
  return [sentence(error), ...texts].join(" · ");
}

interface FieldProps {
  label: string;
  name: string;
  hint?: ComponentChildren;
  /** JSON pointer of the field in the request, `/name` unless it is another one. */
  pointer?: string;
}

/** Label, hint and error of a control. */
function Field({ label, name, hint, pointer, children }: FieldProps & {
  children: (control: { id: string; name: string; "aria-invalid": boolean; "aria-describedby": string | undefined }) => ComponentChildren;
}) {
  const id = useId();
  const failure = useContext(Failure);
  const error = failure?.field(pointer ?? `/${name}`) ?? null;
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, name, "aria-invalid": error !== null, "aria-describedby": described })}
      {error && <span class="error" id={`${id}-error`}>{error}</span>}
      {hint && <span class="hint" id={`${id}-hint`}>{hint}</span>}
    </div>
  );
}

interface TextFieldProps extends FieldProps {
  type?: "text" | "email" | "password" | "url" | "number" | "search" | "color" | "date" | "datetime-local";
  value?: string | number | null;
  required?: boolean;
  autoComplete?: string;
  placeholder?: string;
  min?: number;
  max?: number;
  step?: number | "any";
  maxLength?: number;
  minLength?: number;
  autoFocus?: boolean;
  disabled?: boolean;
  list?: string[];
  onInput?: (value: string) => void;
}

export function TextField({ label, name, hint, pointer, value, list, onInput, autoFocus, ...rest }: TextFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const options = useId();
  useEffect(() => {
    if (autoFocus) input.current?.focus();
  }, []);
  return (
    <Field label={label} name={name} hint={hint} pointer={pointer}>
      {(control) => (
        <>
          <input {...control} {...rest} ref={input} class="input" defaultValue={value ?? ""} list={list && options}
            onInput={(event) => onInput?.(event.currentTarget.value)} />
          {list && <datalist id={options}>{list.map((option) => <option value={option} />)}</datalist>}
        </>
      )}
    </Field>
  );
}

export function TextArea({ label, name, hint, pointer, value, ...rest }: FieldProps & {
  value?: string | null; required?: boolean; maxLength?: number; rows?: number; placeholder?: string;
}) {
  return (
    <Field label={label} name={name} hint={hint} pointer={pointer}>
      {(control) => <textarea {...control} {...rest} class="input" defaultValue={value ?? ""} />}
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function Select({ label, name, hint, pointer, value, choices, onChange }: FieldProps & {
  value?: string | null; choices: Choice[]; onChange?: (value: string) => void;
}) {
  return (
    <Field label={label} name={name} hint={hint} pointer={pointer}>
      {(control) => (
        <select {...control} class="input" onChange={(event) => onChange?.(event.currentTarget.value)}>
          {choices.map((choice) => <option value={choice.value} selected={choice.value === (value ?? "")}>{choice.label}</option>)}
        </select>
      )}
    </Field>
  );
}

export function Checkbox({ label, name, value, checked, hint, onChange }: {
  label: ComponentChildren; name: string; value?: string; checked?: boolean; hint?: string; onChange?: (checked: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value ?? "on"} defaultChecked={checked}
        onChange={(event) => onChange?.(event.currentTarget.checked)} />
      <span>{label}{hint && <><br /><span class="hint soft small">{hint}</span></>}</span>
    </label>
  );
}

/** A form of one field that filters a list; it is applied when it is sent. */
export function SearchForm({ label, value, onSearch }: { label: string; value: string; onSearch: (text: string) => void }) {
  return (
    <form role="search" class="row nowrap" onSubmit={(event) => {
      event.preventDefault();
      onSearch(new Values(new FormData(event.currentTarget)).text("q"));
    }}>
      <input class="input" type="search" name="q" aria-label={label} placeholder={label} defaultValue={value} />
      <Button type="submit" icon="search" label={t("common.search")} />
    </form>
  );
}
