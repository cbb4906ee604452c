/**
 * The root of the API, under which the console stands too: of a host, or of a stage of API Gateway. The page names it in
 * its `<base>`.
 */
const root = new URL(".", document.baseURI);

/** Its path without the last slash; empty at the root of a host. Views are named below it. */
export const ROOT_PATH = root.pathname.replace(/\/$/, "");

/** Its address without the last slash, as programs and pages of others use it. */
export const ROOT_URL = root.origin + ROOT_PATH;
