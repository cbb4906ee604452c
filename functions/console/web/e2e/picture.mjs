// Writes the picture of the README: node e2e/picture.mjs --url URL [--chromium FILE]
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch, Person } from "./support.mjs";

const HANDBOOK = `Meridian lamp: handbook

Warranty
The Meridian lamp has a warranty of three years from the day of purchase. The warranty covers the driver and the LEDs, not the shade.

Returns
Returns are free within 30 days. Send the lamp in its original box and enclose the receipt.

Care
Clean the shade with a dry cloth. Unplug the lamp before cleaning.
`;

const { values } = parseArgs({ options: { url: { type: "string", default: "http://localhost:8000" }, chromium: { type: "string", default: "/usr/bin/chromium" } } });
const browser = await launch(values.chromium);
const ada = await Person.create(browser, values.url, { viewport: { width: 1280, height: 760 } });
const { page } = ada;
await ada.signUp("Ada Lovelace");
const handbook = await ada.upload("handbook.txt", HANDBOOK);
const chatbot = await ada.api("POST", "/chatbots", {
  name: "Help desk", description: "Answers about the Meridian lamp", documents: [handbook.id],
  settings: { system_prompt: "Answer briefly and kindly.", suggested_questions: ["How long is the warranty?", "Are returns free?"] },
});
await ada.api("POST", `/chatbots/${chatbot.id}/publish`);
await ada.go(`/chatbots/${chatbot.id}`);
await page.getByRole("button", { name: "How long is the warranty?" }).click();
await page.getByRole("region", { name: "Answer" }).getByText("three years").waitFor();
await page.getByRole("region", { name: "Passages found" }).getByText("Used", { exact: true }).first().waitFor();
// The address of the picture is nobody's.
await page.evaluate(() => document.querySelector(".banner")?.remove());
await page.mouse.move(0, 0);
await page.screenshot({ path: fileURLToPath(new URL("../../picture.png", import.meta.url)), animations: "disabled" });
await browser.close();
