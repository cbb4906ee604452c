import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { LANGUAGES, setLanguage, t, useLanguage, type Language } from "../../i18n";
import { Button } from "../../ui/button";
import { applyTheme, themeChoice } from "../../ui/theme";

/** The frame of views without a session. */
export function Gate({ title, text, children }: { title: string; text?: ComponentChildren; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Parlance`;
  }, [title]);
  return (
    <div class="gate">
      <main>
        <span class="brand"><img src="icon.svg" alt="" width="24" height="24" />Parlance</span>
        <div class="card">
          <h1>{title}</h1>
          {text && <p class="soft">{text}</p>}
          {children}
        </div>
      </main>
      <footer><Preferences /></footer>
    </div>
  );
}

/** Language and theme, which are kept in the browser. */
export function Preferences() {
  const language = useLanguage();
  const isDark = () => {
    const chosen = themeChoice();
    return chosen === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  };
  return (
    <div class="row nowrap">
      <select class="input" aria-label={t("settings.language")} onChange={(event) => void setLanguage(event.currentTarget.value as Language)}>
        {Object.entries(LANGUAGES).map(([code, name]) => <option value={code} selected={code === language}>{name}</option>)}
      </select>
      <Button kind="plain" icon="moon" label={t("settings.theme_switch")} onClick={() => applyTheme(isDark() ? "light" : "dark")} />
    </div>
  );
}
