import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/layout.css";
import { render } from "preact";
import { App } from "./app";
import { preferredLanguage, setLanguage } from "./i18n";
import { applyTheme } from "./ui/theme";

applyTheme();
const root = document.getElementById("app");
// A catalog that cannot be loaded leaves English, which is part of this file.
void setLanguage(preferredLanguage(), false).catch(() => undefined).then(() => {
  if (root) render(<App />, root);
});
