// The page of a checkout session, or of a session of the customer portal, of the local stand-in for Stripe. The value
// of a button is the action.
"use strict";

const query = new URLSearchParams(location.search);
const id = query.get("session") ?? query.get("portal") ?? "";
const said = document.querySelector("output");
const about = document.getElementById("about");

function amount(cents, currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).format(cents / 100);
}

function describe(subscription) {
  const item = subscription.items.data[0];
  const end = new Date(item.current_period_end * 1000).toISOString().slice(0, 10);
  const ends = subscription.cancel_at_period_end ? `ends on ${end}` : `renews on ${end}`;
  return `${item.price.id} x ${item.quantity}: ${subscription.status}, ${ends}.`;
}

function show(state) {
  for (const form of document.forms) form.hidden = form.id !== state.kind;
  if (state.kind === "checkout") {
    const session = state.object;
    about.textContent = `${amount(session.amount_total, session.currency)} a month. Session: ${session.status}.`;
  } else {
    about.textContent = state.object.map(describe).join("\n") || "There is no subscription.";
  }
  said.textContent = state.problem ?? "";
}

async function call(body) {
  const options = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`/_local/payments/${encodeURIComponent(id)}`, options);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.detail);
  return json;
}

function lead(url) {
  // The API has checked where it leads; a script must not.
  if (/^https?:/.test(url ?? "")) location.href = url;
}

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.inert = true;
    said.textContent = "One moment ...";
    try {
      const state = await call({ action: event.submitter.value });
      show(state);
      if (state.kind === "checkout") lead(state.next_url);
    } catch (error) {
      said.textContent = error.message;
    } finally {
      form.inert = false;
    }
  });
}

document.querySelector("button[value=back]").addEventListener("click", async () => lead((await call()).next_url));

call().then(show, (error) => {
  said.textContent = error.message;
});
