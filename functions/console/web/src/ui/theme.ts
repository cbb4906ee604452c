export type ThemeChoice = "system" | "light" | "dark";

const KEY = "parlance.theme";

export function themeChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Shows the theme that was chosen, else that of the system. */
export function applyTheme(choice: ThemeChoice = themeChoice()): void {
  localStorage.setItem(KEY, choice);
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  dispatchEvent(new Event("themechange"));
}
