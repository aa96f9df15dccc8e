/** The status as a page for people: small, alone, light and dark, without a script as well. Pure. */
import { listStatusRows, type StatusRow } from "../../lib/describe_status.ts";
import type { Status } from "../../lib/formats/status.ts";

/** Colours have a contrast of 7 and more (WCAG 2.2, 1.4.6), in the light and in the dark. */
const style = `
:root{color-scheme:light dark;--text:#1b1f24;--soft:#454c54;--back:#f7f7f5;--card:#fff;--line:#d5d9dd;--alarm:#8f1414}
@media (prefers-color-scheme:dark){:root{--text:#e9ecef;--soft:#b6bec6;--back:#16191d;--card:#20252b;--line:#3a424b;--alarm:#ffb0a8}}
*{box-sizing:border-box}
body{margin:0;padding:1.5rem 1rem;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:42rem;margin:0 auto}
h1{margin:0;font-size:1.5rem;overflow-wrap:anywhere}
p{margin:.25rem 0 1rem;color:var(--soft)}
dl{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
dl div{display:grid;grid-template-columns:9rem 1fr;gap:0 1rem;padding:.6rem 1rem;border-top:1px solid var(--line)}
dl div:first-child{border-top:0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.alarm dd,#gone{color:var(--alarm);font-weight:600}
@media (max-width:32rem){dl div{grid-template-columns:1fr}}
`;

/** Asks for the page again and takes its middle: there is one place that writes it. */
const script = `
"use strict";
const main=document.querySelector("main"),gone=document.getElementById("gone");
let failures=0;
async function look(){
  if(!document.hidden)try{
    const answer=await fetch(location.pathname,{headers:{accept:"text/html"},cache:"no-store",signal:AbortSignal.timeout(5000)});
    const page=new DOMParser().parseFromString(await answer.text(),"text/html"),next=page.querySelector("main");
    if(!answer.ok||!next)throw new Error(answer.status);
    if(next.innerHTML!==main.innerHTML)main.replaceChildren(...next.childNodes);
    document.title=page.title;failures=0;gone.textContent="";
  }catch{if(++failures===2)gone.textContent="No answer from the laptop since "+new Date().toLocaleTimeString();}
  setTimeout(look,failures>5?10000:2000);
}
setTimeout(look,2000);
`;

/** Nothing but what stands in the page itself, and asking for it again (CSP level 3). */
export async function contentSecurityPolicy(): Promise<string> {
  return [
    "default-src 'none'",
    `style-src ${await hashSource(style)}`,
    `script-src ${await hashSource(script)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

async function hashSource(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(hash).toBase64()}'`;
}

export function formatPage(status: Status): string {
  const title = escape(`${status.name}: ${status.state}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<noscript><meta http-equiv="refresh" content="10"></noscript>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escape(status.name)}</h1>
<p>This computer lends its disk to a desktop (stiefelsystem${
    status.details === undefined ? "" : ` ${escape(status.details.version)}`
  })</p>
<dl>
${listStatusRows(status).map(formatRow).join("\n")}
</dl>
</main>
<p id="gone" role="status"></p>
<script>${script}</script>
</body>
</html>
`;
}

function formatRow({ label, text, isAlarm }: StatusRow): string {
  return `<div${isAlarm ? ' class="alarm"' : ""}><dt>${escape(label)}</dt><dd>${escape(text)}</dd></div>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
