// What pages gain where scripts run: how much of an upload has gone out, and what stopped it. They work without.
"use strict";

const form = () => document.querySelector("form[data-upload]");

function say(text, fraction) {
  const bar = document.querySelector("#upload-bar");
  document.querySelector("#upload-progress").hidden = false;
  document.querySelector("#upload-said").textContent = text;
  if (fraction === undefined) bar.removeAttribute("value");
  else bar.value = fraction;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.type !== "file" || !field.form?.dataset.upload) return;
  const limit = Number(field.form.dataset.upload);
  const over = field.files[0] && field.files[0].size > limit;
  field.setCustomValidity(over ? `This file has ${size(field.files[0].size)}; the limit here is ${size(limit)}.` : "");
  field.reportValidity();
});

document.addEventListener("htmx:xhr:progress", (event) => {
  const { loaded, total, lengthComputable } = event.detail;
  if (!form() || !lengthComputable) return;
  if (loaded < total) say(`${size(loaded)} of ${size(total)} sent`, loaded / total);
  else say("All is sent. The table is being read and checked.");
});

// A job that is followed: say so where the service does not answer, and take it back once it does.
function reachable(is) {
  const said = document.querySelector("#unreachable");
  if (said) said.hidden = is;
}
document.addEventListener("htmx:sendError", () => reachable(false));
document.addEventListener("htmx:afterOnLoad", () => reachable(true));

for (const stopped of ["htmx:sendError", "htmx:sendAbort", "htmx:timeout"])
  document.addEventListener(stopped, () => {
    if (form()) say("The connection broke off, and nothing was kept. Send the file again.", 0);
  });

// What is left to say of a form stands at its top: go there.
document.addEventListener("htmx:afterSettle", () => {
  const said = document.querySelector("[role=alert]");
  if (said) {
    said.tabIndex = -1;
    said.focus();
  }
});
