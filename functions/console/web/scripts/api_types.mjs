// Writes the types of the API from its OpenAPI document: the operations below /api/v1, which the console uses.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const web = new URL("../", import.meta.url);
const document = JSON.parse(await readFile(new URL("../../system/openapi.json", web), "utf8"));
document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith("/api/v1/")));
const types = astToString(await openapiTS(document, { defaultNonNullable: false }));
await writeFile(new URL("src/api/schema.d.ts", web), types);
