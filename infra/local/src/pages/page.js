// Does what a link in a mail says, through the API: each page is one form. `data-post` is the operation; fields of the
// page and the token of the link are its body, as JSON. `data-sign-in` asks for a session first, which ends afterwards.
"use strict";

const form = document.querySelector("form");
const said = document.querySelector("output");
const token = new URLSearchParams(location.search).get("token") ?? "";
// The token is worth a password: it does not stay in the address.
history.replaceState(null, "", location.pathname);

async function post(path, body, session) {
  const headers = { "content-type": "application/json" };
  if (session) headers.authorization = `Bearer ${session}`;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : {};
  if (answer.ok) return json;
  const fields = (json.errors ?? []).map((error) => `${error.pointer.slice(1).replaceAll("_", " ")} ${error.detail}`);
  throw new Error([json.detail, ...fields].join("\n"));
}

async function carryOut(button) {
  const values = Object.fromEntries(new FormData(form));
  const { way, email, password, ...body } = values;
  if (!form.dataset.signIn) return post(form.dataset.post, { ...values, token });
  const { access_token: session } = await post(`${form.dataset.signIn}/${way}`, { email, password });
  try {
    return await post(button.dataset.post, { ...body, token }, session);
  } finally {
    // What was done stays done, whether or not the session can be ended.
    await post(`${form.dataset.signIn}/logout`, {}, session).catch(() => {});
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  form.inert = true;
  said.textContent = "One moment ...";
  try {
    await carryOut(button);
    form.hidden = true;
    said.textContent = button.dataset.done;
  } catch (error) {
    said.textContent = error.message;
  } finally {
    form.inert = false;
  }
});

if (!token) {
  form.hidden = true;
  said.textContent = "This address lacks the token of the link. Open the whole link from the mail.";
}
