import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon, type IconName } from "./icon";

type Kind = "primary" | "danger" | "plain";

interface ButtonProps {
  kind?: Kind;
  icon?: IconName;
  compact?: boolean;
  /** Shown as the name of a button that is only an icon. */
  label?: string;
  busy?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  /** While it returns a promise, the button is busy. */
  onClick?: (event: JSX.TargetedMouseEvent<HTMLButtonElement>) => unknown;
  pressed?: boolean;
  children?: ComponentChildren;
}

export function Button({ kind, icon, compact, label, busy, disabled, type = "button", onClick, pressed, children }: ButtonProps) {
  const [running, setRunning] = useState(false);
  const waits = busy || running;
  const click = async (event: JSX.TargetedMouseEvent<HTMLButtonElement>) => {
    if (!onClick) return;
    const result = onClick(event);
    if (!(result instanceof Promise)) return;
    setRunning(true);
    await result.finally(() => setRunning(false));
  };
  const classes = ["button", kind, compact && "compact", !children && "icon-only"].filter(Boolean).join(" ");
  return (
    <button class={classes} type={type} disabled={disabled || waits} aria-busy={waits} aria-label={label} title={label}
      aria-pressed={pressed} onClick={(event) => void click(event)}>
      {waits ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text, label }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Button icon={copied ? "check" : "copy"} compact onClick={copy}>
      <span aria-live="polite">{copied ? t("common.copied") : (label ?? t("common.copy"))}</span>
    </Button>
  );
}

/** Text for a terminal or a page, with a button that copies it. */
export function CodeBlock({ text, wrap = false, label }: { text: string; wrap?: boolean; label?: string }) {
  return (
    <div class="code">
      <pre class={wrap ? "wrap" : ""} tabIndex={0}><code>{text}</code></pre>
      <CopyButton text={text} label={label} />
    </div>
  );
}
