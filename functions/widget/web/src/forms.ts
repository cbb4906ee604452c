import { WidgetError, type Client } from "./api";
import { h } from "./dom";
import type { Texts } from "./texts";

/** Asks for contact details: to be called back, or for a person to take over. */
export function contactForm(kind: "lead" | "handover", t: Texts, client: Client, done: () => void): HTMLFormElement {
  const isLead = kind === "lead";
  const name = h("input", { name: "name", autocomplete: "name", required: true, maxlength: 100 });
  const email = h("input", { name: "email", type: "email", autocomplete: "email", required: true, maxlength: 200 });
  const note = h("textarea", { name: "message", rows: 2, maxlength: 1000, dir: "auto" });
  const submit = h("button", { class: "primary", type: "submit" }, t.submit);
  const failed = h("div", { class: "error", role: "alert" });
  const send = async () => {
    submit.disabled = true;
    failed.textContent = "";
    const message = note.value.trim();
    const common = message ? { message } : {};
    try {
      if (isLead) await client.lead({ name: name.value.trim(), email: email.value.trim(), ...common });
      else await client.handover({ email: email.value.trim(), ...common });
      const thanks = h("p", { role: "status", tabindex: -1 }, t.sent);
      form.replaceWith(thanks);
      done();
    } catch (error) {
      failed.textContent = error instanceof WidgetError ? error.message || t.offline : t.failed;
      submit.disabled = false;
    }
  };
  const form = h("form", { class: "card", "aria-label": isLead ? t.contact : t.person, onsubmit: (event: Event) => {
    event.preventDefault();
    void send();
  } },
    isLead && h("label", {}, t.name, name),
    h("label", {}, t.email, email),
    h("label", {}, t.note, note),
    failed,
    h("div", { class: "row" }, submit, h("button", { class: "chip", type: "button", onclick: () => { form.remove(); done(); } }, t.cancel)));
  return form;
}
