/** Styles of the widget. Nothing of the page gets in, and nothing gets out. */
export const CSS = `
:host { all: initial; color-scheme: light dark; }
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.root { --bg: light-dark(#fff,#16191e); --soft: light-dark(#f2f4f7,#22272f); --line: light-dark(#d5dae1,#353c47); --text: light-dark(#1a1f27,#e8ebf0);
  --muted: light-dark(#566072,#a8b1bf); --bad: light-dark(#b3261e,#f2938c);
  font: 15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; color: var(--text); text-align: start; }
:where(.root *) { font: inherit; }
button { color: inherit; cursor: pointer; }
:focus-visible { outline: 2px solid var(--text); outline-offset: 2px; }
svg { width: 1.3em; height: 1.3em; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; display: block; }
.launcher { position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px; width: 56px; height: 56px; border: 0; border-radius: 50%;
  background: var(--accent); color: var(--on-accent); display: grid; place-items: center; box-shadow: 0 4px 16px #0004; }
.launcher svg { width: 26px; height: 26px; }
.start .launcher { inset-inline: 20px auto; }
.panel { position: fixed; z-index: 2147483000; inset-block-end: 88px; inset-inline-end: 20px; width: 384px; max-width: calc(100vw - 32px); height: 600px;
  max-height: calc(100dvh - 108px); display: flex; flex-direction: column; background: var(--bg); border: 1px solid var(--line); border-radius: 14px;
  box-shadow: 0 12px 40px #0005; overflow: hidden; }
.start .panel { inset-inline: 20px auto; }
header { display: flex; align-items: center; gap: 4px; padding: 10px 8px 10px 16px; background: var(--accent); color: var(--on-accent); }
[dir=rtl] header { padding: 10px 16px 10px 8px; }
h2 { margin: 0; flex: 1; font-size: 16px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
header :focus-visible { outline-color: var(--on-accent); }
.ghost { background: none; border: 0; border-radius: 8px; padding: 6px; display: inline-grid; place-items: center; }
.ghost:hover { background: #8883; }
.log { flex: 1; overflow-y: auto; padding: 16px; display: flex; flex-direction: column; gap: 14px; overscroll-behavior: contain; }
.message { max-width: 92%; overflow-wrap: anywhere; min-width: 0; }
.user { align-self: flex-end; background: var(--accent); color: var(--on-accent); padding: 8px 12px; border-radius: 14px 14px 3px 14px; white-space: pre-wrap; }
[dir=rtl] .user { border-radius: 14px 14px 14px 3px; }
.bot { align-self: flex-start; }
.bot > .text { background: var(--soft); padding: 8px 12px; border-radius: 14px 14px 14px 3px; }
[dir=rtl] .bot > .text { border-radius: 14px 14px 3px 14px; }
.text > :first-child { margin-top: 0; } .text > :last-child { margin-bottom: 0; }
.text p, .text ul, .text ol, .text pre, .text table, .text blockquote { margin: 8px 0; }
.text h3, .text h4, .text h5 { margin: 10px 0 4px; font-weight: 600; }
.text ul, .text ol { padding-inline-start: 22px; }
.text strong, .text th { font-weight: 600; } .text em { font-style: italic; }
.text code { font-family: ui-monospace,Menlo,monospace; font-size: .9em; background: #8882; border-radius: 4px; padding: 0 3px; }
.text pre, .scroll { overflow-x: auto; } .text pre { background: #8882; border-radius: 8px; padding: 8px; } .text pre code { background: none; padding: 0; white-space: pre; }
.text table { border-collapse: collapse; } .text td, .text th { border: 1px solid var(--line); padding: 3px 7px; text-align: start; }
.text blockquote { border-inline-start: 3px solid var(--line); padding-inline-start: 10px; margin-inline: 0; color: var(--muted); }
.text hr { border: 0; border-top: 1px solid var(--line); }
a { color: inherit; }
.cite { border: 0; background: #8883; border-radius: 4px; padding: 0 5px; margin: 0 1px; font-size: 12px; min-width: 20px; font-weight: 600; }
.cite[aria-expanded=true] { background: var(--accent); color: var(--on-accent); }
.excerpt { border-inline-start: 3px solid var(--accent); padding: 4px 10px; margin-top: 8px; font-size: 13px; color: var(--muted); white-space: pre-wrap; }
.excerpt strong { color: var(--text); font-weight: 600; display: block; }
.tools { display: flex; gap: 2px; margin-top: 2px; color: var(--muted); align-items: center; font-size: 13px; }
.tools svg { width: 16px; height: 16px; }
.tools [aria-pressed=true] { color: var(--text); background: #8884; }
.suggestions { display: flex; flex-wrap: wrap; gap: 8px; }
.chip { background: var(--bg); border: 1px solid var(--line); border-radius: 16px; padding: 5px 12px; text-align: start; font-size: 14px; }
.chip:hover { background: var(--soft); }
.error { color: var(--bad); font-size: 14px; display: grid; gap: 6px; justify-items: start; }
.dots { display: inline-flex; gap: 4px; padding: 6px 0; } .dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--muted); animation: b 1s infinite alternate; }
.dots i:nth-child(2) { animation-delay: .2s; } .dots i:nth-child(3) { animation-delay: .4s; }
@keyframes b { to { opacity: .25; } }
.compose { display: flex; gap: 8px; padding: 10px 12px; border-top: 1px solid var(--line); align-items: flex-end; }
textarea, input { width: 100%; background: var(--bg); color: inherit; border: 1px solid light-dark(#8a93a0,#667080); border-radius: 8px; padding: 8px 10px; }
textarea { resize: none; max-height: 120px; field-sizing: content; min-height: 40px; }
.primary { background: var(--accent); color: var(--on-accent); border: 0; border-radius: 8px; padding: 9px 12px; display: inline-grid; place-items: center; }
.primary:disabled { opacity: .5; cursor: default; }
form.card { display: grid; gap: 10px; padding: 14px; border: 1px solid var(--line); border-radius: 10px; }
form.card label { display: grid; gap: 3px; font-size: 14px; }
.row { display: flex; gap: 8px; flex-wrap: wrap; }
footer { display: flex; justify-content: space-between; gap: 10px; flex-wrap: wrap; padding: 0 12px 10px; font-size: 12px; color: var(--muted); }
footer button { background: none; border: 0; padding: 0; text-decoration: underline; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 480px) { .panel, .start .panel { inset: 0; width: auto; max-width: none; height: auto; max-height: none; border: 0; border-radius: 0; } .open .launcher { display: none; } }
@media (prefers-reduced-motion: reduce) { .dots i { animation: none; } }
`;

/** Black or white, whichever can be read on a color (WCAG 2.2, relative luminance). */
export function readableOn(color: string): string {
  const part = (at: number) => {
    const share = parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000" : "#fff";
}
