// Keys of the console. Every page works without this script: a key only follows a link, presses a button,
// opens a section or moves the focus, as a pointer would.
//
// data-list          a table or list whose rows j and k move through; x selects a row, Enter opens its first link
// data-key="a"       the key of a link, button, field, section or form; "g q" are two keys, one after the other
// data-key-name      what the key does, where the element's text does not say it
// data-then="id"     the field that the key moves to after it pressed the element
// data-search        the field that / moves to
// data-select-all    a checkbox that selects every row of its form
// data-digest        around a file that is not sent: its name, media type and SHA-256 are filled in beside it
// data-digests       a text that says so
"use strict";

(() => {
  const SEQUENCE_MS = 1500;
  const FIELDS = "input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]), select, textarea";
  let prefix = "";
  let prefixEnds = 0;
  let current = null;

  const isTyping = (element) => element.closest(FIELDS) !== null || element.isContentEditable;
  const isShown = (element) => element.getClientRects().length > 0;
  const help = () => document.getElementById("keys");

  // Rows of the lists of the page, in the order in which they are shown.
  const rows = () => [...document.querySelectorAll("[data-list] > tbody > tr, [data-list] > li")].filter(isShown);

  function place(row) {
    if (current !== null) current.classList.remove("current");
    current = row;
    row.classList.add("current");
    const link = row.querySelector("a[href]");
    (link ?? row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const all = rows();
    if (all.length === 0) return false;
    const focused = document.activeElement?.closest("[data-list] > tbody > tr, [data-list] > li");
    const from = all.indexOf(focused ?? current);
    const to = from === -1 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(from + step, 0), all.length - 1);
    place(all[to]);
    return true;
  }

  function select() {
    const box = current?.querySelector("input[type=checkbox]");
    if (!box) return false;
    box.click();
    return true;
  }

  // Elements with a key: first those of the row that j and k moved to, then those of the page outside of lists.
  function bound(keys) {
    const named = `[data-key="${CSS.escape(keys)}"]`;
    const own = current?.isConnected ? current.querySelector(named) : null;
    if (own !== null) return own;
    return [...document.querySelectorAll(named)].find((one) => one.closest("[data-list]") === null) ?? null;
  }

  const isPrefix = (keys) => document.querySelector(`[data-key^="${CSS.escape(keys)} "]`) !== null;

  function use(element) {
    element.closest("details:not([open])")?.setAttribute("open", "");
    if (element instanceof HTMLFormElement) {
      element.requestSubmit();
    } else if (element instanceof HTMLDetailsElement) {
      element.open = true;
      element.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
      element.scrollIntoView({ block: "nearest" });
    } else if (element.matches(FIELDS)) {
      element.focus();
    } else {
      element.click();
      document.getElementById(element.dataset.then)?.focus();
    }
  }

  // One line of the help for each key of the page that is not listed there yet.
  function listKeys(dialog) {
    const list = dialog.querySelector("dl");
    const listed = new Set([...list.querySelectorAll("kbd")].map((one) => one.textContent));
    for (const element of document.querySelectorAll("[data-key]")) {
      const keys = element.dataset.key;
      if (listed.has(keys)) continue;
      listed.add(keys);
      const term = document.createElement("dt");
      const key = document.createElement("kbd");
      key.textContent = keys;
      term.append(key);
      const name = document.createElement("dd");
      name.textContent = element.dataset.keyName ?? element.getAttribute("aria-label") ?? element.textContent.trim();
      list.append(term, name);
    }
  }

  function act(keys, event) {
    if (keys === "j" || keys === "k") return move(keys === "j" ? 1 : -1);
    if (event.repeat) return false;
    const element = bound(keys);
    if (element !== null) {
      use(element);
      return true;
    }
    if (keys === "x") return select();
    if (keys === "/") {
      const field = document.querySelector("[data-search]");
      field?.focus();
      field?.select();
      return Boolean(field);
    }
    if (keys === "?") {
      help()?.togglePopover();
      return help() !== null;
    }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.isComposing || event.defaultPrevented) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = target.closest("form");
      if (form !== null && !event.repeat) {
        event.preventDefault();
        form.requestSubmit();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(target)) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key.length !== 1 || event.key === " ") return;
    const keys = prefix !== "" && event.timeStamp < prefixEnds ? `${prefix} ${event.key}` : event.key;
    prefix = "";
    if (act(keys, event)) {
      event.preventDefault();
    } else if (keys.length === 1 && isPrefix(keys)) {
      prefix = keys;
      prefixEnds = event.timeStamp + SEQUENCE_MS;
      event.preventDefault();
    }
  });

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-list] > tbody > tr, [data-list] > li");
    if (row === null || row === current) return;
    current?.classList.remove("current");
    current = row;
    row.classList.add("current");
  });

  document.addEventListener("change", (event) => {
    const all = event.target.closest("input[data-select-all]");
    if (all === null) return;
    for (const box of all.form?.querySelectorAll("tbody input[type=checkbox]") ?? []) box.checked = all.checked;
  });

  // Needs a secure context: without one, the fields are filled in by hand.
  if (window.crypto?.subtle !== undefined) {
    for (const shown of document.querySelectorAll("[data-digest], [data-digests]")) shown.hidden = false;
  }
  document.addEventListener("change", async (event) => {
    const file = event.target.closest("[data-digest]") && event.target.files[0];
    if (!file) return;
    const fields = event.target.closest("fieldset");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const texts = {
      name: file.name.slice(0, 120),
      kind: file.type || "application/octet-stream",
      sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    };
    for (const field of fields.querySelectorAll("[data-part]")) field.value = texts[field.dataset.part];
  });

  // A table that scrolls sideways, with nothing in it to focus, gets the focus itself: the arrow keys scroll it.
  function letScroll() {
    for (const box of document.querySelectorAll(".scroll:not([tabindex])")) {
      if (box.scrollWidth > box.clientWidth && !box.querySelector(`a[href], button, summary, ${FIELDS}`)) box.tabIndex = 0;
    }
  }

  help()?.addEventListener("beforetoggle", () => listKeys(help()));
  document.addEventListener("toggle", letScroll, true);
  window.addEventListener("resize", letScroll);
  letScroll();
  document.querySelector(".notice[role=alert], [aria-invalid=true]")?.scrollIntoView({ block: "center" });
})();
