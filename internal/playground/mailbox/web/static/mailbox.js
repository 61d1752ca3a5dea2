// SPDX-License-Identifier: Apache-2.0

// Keeps the list fresh without touching the mail that is being read. Without this script the list page reloads itself.
"use strict";

const everyMs = 3000;

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["rows", "listhead"]) {
    const now = document.getElementById(id);
    const then = fresh.getElementById(id);
    // What has not changed stays, and with it the place of the keyboard.
    if (now && then && now.innerHTML !== then.innerHTML && !now.contains(document.activeElement)) {
      now.replaceWith(document.adoptNode(then));
    }
  }
  document.title = fresh.title;
}

// When the playground has ended there is nothing to fetch; the page stays as it is.
setInterval(() => refresh().catch(() => {}), everyMs);
