// What a customer's page loads. It is small and rarely changes; the widget itself has its hash in the name, so that
// browsers keep it. The name is filled in when the widget is built.
declare const __WIDGET__: string;

const here = document.currentScript;
if (here instanceof HTMLScriptElement) {
  const script = document.createElement("script");
  script.src = new URL(`widget/${__WIDGET__}`, here.src).href;
  script.async = true;
  // Pages with a strict policy allow scripts by a nonce.
  script.nonce = here.nonce;
  Object.assign(script.dataset, here.dataset, { base: new URL(".", here.src).href });
  document.head.append(script);
}

export {};
